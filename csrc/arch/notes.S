/* The last lines of every stubs.S, behind its guard: what an object says of itself, also when it
 * holds no code because it is another CPU's. An object that keeps silent takes from the whole library
 * what all the others promise. */
#ifdef PT_ELF
/* The stack need not be executable. */
        .section .note.GNU-stack, "", %progbits

/* Every landing pad is marked, every ret meets its call. */
#  if defined(PT_ARCH_X86_64) || defined(PT_ARCH_I386)
#    define PROPERTY 0xc0000002 /* GNU_PROPERTY_X86_FEATURE_1_AND */
#    define FEATURES 3          /* IBT | SHSTK */
#  elif defined(PT_ARCH_AARCH64)
#    define PROPERTY 0xc0000000 /* GNU_PROPERTY_AARCH64_FEATURE_1_AND */
#    define FEATURES 7          /* BTI | PAC | GCS */
#  endif
#  ifdef PT_ARCH_I386
#    define NOTE_ALIGN 4
#  else
#    define NOTE_ALIGN 8
#  endif
#  ifdef PROPERTY
        .section .note.gnu.property, "a", %note
        .balign NOTE_ALIGN
        .long   1f - 0f, 3f - 2f, 5 /* NT_GNU_PROPERTY_TYPE_0 */
0:      .asciz  "GNU"
1:      .balign NOTE_ALIGN
2:      .long   PROPERTY
        .long   5f - 4f
4:      .long   FEATURES
5:      .balign NOTE_ALIGN
3:
#  endif
#endif
