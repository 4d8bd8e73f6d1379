/* What the compiler, the operating system and the CPU are: the only file that asks.
 *
 * A port adds its CPU and its system here, once, and guards its own files with the PT_ARCH_*,
 * PT_OS_* names below. Everything else in csrc/ is plain C11. */
#ifndef PT_CONFIG_H
#define PT_CONFIG_H

#ifdef PT_PREFIX
#  include "prefix.h"
#endif

#if defined(__x86_64__) && defined(__APPLE__)
#  error "pytramp has no port for macOS on x86-64 yet: its assembler files know ELF and COFF only"
#elif defined(__x86_64__) && !defined(__ILP32__)
#  define PT_ARCH_X86_64 1
#  define PT_ARCH_FRAME  "arch/x86_64/frame.h"
#elif defined(__aarch64__) && !defined(__AARCH64EB__) && !defined(__ILP32__)
#  define PT_ARCH_AARCH64 1
#  define PT_ARCH_FRAME   "arch/aarch64/frame.h"
#elif defined(__riscv) && __riscv_xlen == 64
#  define PT_ARCH_RISCV64 1
#  define PT_ARCH_FRAME   "arch/riscv64/frame.h"
#  ifndef __riscv_float_abi_double
#    error "pytramp's port to RISC-V is for the lp64d ABI: not lp64, lp64f or lp64q (-mabi=lp64d)"
#  endif
#elif defined(__loongarch_lp64)
#  define PT_ARCH_LOONGARCH64 1
#  define PT_ARCH_FRAME       "arch/riscv64/frame.h"
#  ifndef __loongarch_double_float
#    error "pytramp's port to LoongArch is for the lp64d ABI: not lp64s or lp64f (-mabi=lp64d)"
#  endif
#elif defined(__s390x__)
#  define PT_ARCH_S390X 1
#  define PT_ARCH_FRAME "arch/s390x/frame.h"
#elif defined(__powerpc64__)
#  define PT_ARCH_PPC64 1
#  define PT_ARCH_FRAME "arch/ppc64/frame.h"
#  if !defined(_CALL_ELF) || _CALL_ELF != 2 /* ELF V1 */
#    define PT_DESCRIPTORS 1
#  endif
#  ifdef __LONG_DOUBLE_IEEE128__
#    error "pytramp's port to PowerPC has IBM's long double, not IEEE's (-mabi=ibmlongdouble)"
#  endif
#elif defined(__mips64) && _MIPS_SIM == _ABI64
#  define PT_ARCH_MIPS64 1
#  define PT_ARCH_FRAME  "arch/mips64/frame.h"
#  if !defined(__mips_hard_float) || __mips_fpr != 64
#    error "pytramp's port to MIPS is for 64-bit floating-point registers (-mhard-float -mfp64)"
#  endif
#elif defined(__i386__)
#  define PT_ARCH_I386  1
#  define PT_ARCH_FRAME "arch/i386/frame.h"
#elif defined(__arm__) && defined(__ARM_PCS_VFP) && __ARM_ARCH >= 7 && !defined(__ARM_BIG_ENDIAN)
#  define PT_ARCH_ARM   1 /* dmb and ldrexd: 64-bit atomics without calls */
#  define PT_ARCH_FRAME "arch/arm/frame.h"
#else
#  error "pytramp has no port for this CPU yet: csrc/README.md says how to write one"
#endif

#if defined(__linux__)
#  define PT_OS_LINUX 1
#elif defined(__APPLE__)
#  define PT_OS_DARWIN 1
#elif defined(_WIN32)
#  define PT_OS_WINDOWS 1
#elif defined(__FreeBSD__)
#  define PT_OS_FREEBSD 1
#else
#  error "pytramp has no port for this operating system yet: csrc/README.md says how to write one"
#endif

/* Android's shadow call stack; Apple's and Windows' own uses are known to their assembler files. */
#if defined(PT_ARCH_AARCH64) && defined(__ANDROID__)
#  define PT_X18_IS_RESERVED 1
#endif

/* Guarded pages, on which an indirect branch must land on a landing pad: the bit of AT_HWCAP2 that
 * says that the CPU has them, and mmap's that asks for one (HWCAP2_BTI and PROT_BTI, Linux 5.8;
 * older headers lack the names). */
#if defined(PT_ARCH_AARCH64) && defined(PT_OS_LINUX)
#  define PT_HWCAP2_GUARDED (1ul << 17)
#  define PT_PROT_GUARDED   0x10
#else
#  define PT_HWCAP2_GUARDED 0ul
#  define PT_PROT_GUARDED   0
#endif

/* Is getcpu a function of the vDSO for every libc, and no system call? */
#if defined(PT_ARCH_X86_64) && defined(PT_OS_LINUX)
#  define PT_GETCPU_IS_CHEAP 1
#else
#  define PT_GETCPU_IS_CHEAP 0
#endif

#if defined(__ELF__)
#  define PT_ELF 1
#endif

/* Is the address of a function that of a descriptor: code, table of contents, environment? Then a
 * slot is one. No stub is needed, a trampoline's address is its slot's, and growth is plain memory.
 */
#ifndef PT_DESCRIPTORS
#  define PT_DESCRIPTORS 0
#endif

/* A unit is what one growth adds: this many bytes of stubs, then as many bytes of slots; and how
 * many stubs stand in the library itself. */
#ifdef PT_OS_WINDOWS
/* One growth maps the whole module again (pages/windows.c), so its own unit is the template. It is
 * as large as a section of 16-bit many relocations, one per stub, can be. */
#  define PT_UNIT          524288
#  define PT_BUILTIN_STUBS 32768
#else
#  define PT_UNIT          65536
#  define PT_BUILTIN_STUBS 8192
#endif

#define PT_POINTER_SIZE __SIZEOF_POINTER__

/* Is there GetLastError, a second errno? */
#ifdef PT_OS_WINDOWS
#  define PT_HAS_LAST_ERROR 1
#else
#  define PT_HAS_LAST_ERROR 0
#endif

/* Seen by other files of the core, not by users of the library. */
#if defined(__GNUC__)
#  ifdef PT_OS_WINDOWS /* where nothing is visible unless it is exported */
#    define PT_HIDDEN
#  else
#    define PT_HIDDEN __attribute__((visibility("hidden")))
#  endif
#  define PT_LIKELY(x)   __builtin_expect(!!(x), 1)
#  define PT_UNLIKELY(x) __builtin_expect(!!(x), 0)
#  define PT_COLD        __attribute__((cold, noinline))
/* Makes the compiler keep a value instead of computing or loading it again. */
#  define PT_KEEP(value) __asm__("" : "+r"(value))
/* clang believes that malloc and free leave errno alone, and drops a store that puts it back. */
#  define PT_ERRNO_CHANGED() __asm__ volatile("" ::: "memory")
#else
#  error "pytramp needs a compiler that speaks GNU C: gcc or clang"
#endif

/* Where a value that is narrower than its register stands in it. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#  define PT_BIG_ENDIAN 1
#else
#  define PT_BIG_ENDIAN 0
#endif

/* Alignment of what one thread writes all the time: CPUs fetch cache lines in pairs. */
#define PT_OWN_LINES 128

/* GNU C has a 128-bit integer on 64-bit CPUs; ISO C does not, hence __extension__. */
#if defined(__SIZEOF_INT128__) && !defined(__ASSEMBLER__)
__extension__ typedef __int128 pt_int128;
__extension__ typedef unsigned __int128 pt_uint128;
#endif

#endif
