/* What x86's control-flow enforcement would say, of every instruction between a caller and its
 * handler (Intel SDM, volume 1, chapter 17): each return goes where the call that belongs to it
 * came from (shadow stack), and each indirect jump or call lands on an endbr (indirect branch
 * tracking). No CPU that enforces it is needed. All of it is compiled with -fcf-protection=full.
 *
 * Landings in other libraries are theirs: whether libc has landing pads is for who built it. */
#include "check.h"

#include "stepping.h"

#ifndef STUB_INSTRUCTIONS
int main(void) {
    skip("x86's");
}
#else

/* ---- Instructions ---- */

enum kind { OTHER, CALL = 1, RETURN = 2, INDIRECT = 4 };

#  define NOTRACK 0x3e

static int is_prefix(unsigned char byte) {
    static const unsigned char legacy[] = {0x26, 0x2e, 0x36, NOTRACK, 0x64, 0x65,
                                           0x66, 0x67, 0xf0, 0xf2,    0xf3};
    for (size_t i = 0; i < COUNT(legacy); i++)
        if (byte == legacy[i]) return 1;
    return 0;
}

/* SDM, volume 2: E8 and FF /2 are calls, C2 and C3 returns, FF /2 and FF /4 go through a register
 * or memory. */
static unsigned kind_of(const unsigned char *code) {
    unsigned tracked = INDIRECT;
    for (; is_prefix(*code); code++)
        if (*code == NOTRACK) tracked = 0;
#  ifdef __x86_64__
    if ((*code & 0xf0) == 0x40) code++; /* REX */
#  endif
    if (*code == 0xe8) return CALL;
    if (*code == 0xc2 || *code == 0xc3) return RETURN;
    if (*code != 0xff) return OTHER;
    switch (code[1] >> 3 & 7) {
    case 2: return CALL | tracked;
    case 4: return tracked;
    default: return OTHER;
    }
}

static int is_landing_pad(const unsigned char *code) {
#  ifdef __x86_64__
    static const unsigned char endbr[] = {0xf3, 0x0f, 0x1e, 0xfa};
#  else
    static const unsigned char endbr[] = {0xf3, 0x0f, 0x1e, 0xfb};
#  endif
    return !memcmp(code, endbr, sizeof endbr);
}

extern const unsigned char __executable_start[], etext[];

static int is_ours(const unsigned char *code) {
    return (code >= __executable_start && code < etext) || pytramp_owns(code);
}

/* ---- The two checks ---- */

static uintptr_t shadow[64];
static volatile unsigned depth;
static volatile unsigned last; /* what was executed just now */
static uintptr_t from;         /* where it stood */
/* volatile: compilers see that what they call does not write here, and nothing of the signals. */
static volatile unsigned calls_seen, returns_seen, landings_seen;
static volatile unsigned unmatched, unpadded;
static volatile int complain = 1; /* not in the controls */

static void after_return(uintptr_t at) {
    if (!depth) return; /* the caller's own: it is not stepped through from its beginning */
    returns_seen++;
    if (shadow[--depth] == at) return;
    unmatched++;
    CHECK(!complain, "the return at %#jx goes to %#jx, its call wants %#jx", (uintmax_t)from,
          (uintmax_t)at, (uintmax_t)shadow[depth]);
}

static void after_call(uintptr_t pushed) {
    CHECK(depth < COUNT(shadow), "%u calls deep", depth);
    calls_seen++;
    shadow[depth++] = pushed;
}

static void after_indirect(uintptr_t at) {
    const unsigned char *code = (const unsigned char *)at;
    if (!is_ours(code)) return;
    landings_seen++;
    if (is_landing_pad(code)) return;
    unpadded++;
    CHECK(!complain, "the jump at %#jx lands on %#jx, which is no endbr", (uintmax_t)from,
          (uintmax_t)at);
}

static void look(int number, siginfo_t *information, void *context) {
    (void)number, (void)information;
    const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    uintptr_t at = (uintptr_t)registers[AT];
    if (last & CALL) after_call(*(const uintptr_t *)registers[SP]);
    if (last & RETURN) after_return(at);
    if (last & INDIRECT) after_indirect(at);
    last = kind_of((const unsigned char *)at);
    from = at;
}

static void start_over(void) {
    depth = last = 0;
    calls_seen = returns_seen = landings_seen = 0;
    unmatched = unpadded = 0;
}

static void run_as(pytramp_abi abi, const char *name, void (*call)(void *),
                   const pytramp_type *result, const pytramp_type *arg, int grown) {
    int calls = 0;
    void *code = new_closure(abi, result, arg, &calls);
    start_over();
    call(code);
    CHECK(calls == 1, "%s: %d calls", name, calls);
    CHECK(!depth, "%s: %u calls have not returned", name, depth);
    CHECK(returns_seen >= 2, "%s: only %u returns", name, returns_seen);
    CHECK(landings_seen >= 4, "%s: only %u indirect jumps", name, landings_seen);
    say("%s, %s: %u calls, %u returns, %u landing pads", name, grown ? "grown" : "built-in",
        calls_seen, returns_seen, landings_seen);
}

__attribute__((noinline)) static void nothing(void) {
    __asm__ volatile("");
}

static void run_bare(int grown) {
    void *code;
    CHECK_OK(pytramp_alloc(&code));
    CHECK_OK(pytramp_init(code, nothing, NULL));
    start_over();
    call_void(code);
    CHECK(!depth && landings_seen >= 3, "bare: %u deep, %u indirect jumps", depth, landings_seen);
    say("bare, %s: %u landing pads", grown ? "grown" : "built-in", landings_seen);
}

/* ---- Controls: what must be found ---- */

#  ifdef __x86_64__
#    define ADD_ONE "addq $1, (%%rsp)"
#  else
#    define ADD_ONE "addl $1, (%%esp)"
#  endif

/* As with i386's old way to learn where it is: a return that does not go behind its call. */
__attribute__((noinline)) static void return_elsewhere(void) {
    SET_FLAGS(TRAP_ON);
    __asm__ volatile("call 1f\n\tnop\n\tjmp 2f\n1:\t" ADD_ONE "\n\tret\n2:" ::: "memory", "cc");
    SET_FLAGS(TRAP_OFF);
}

/* Behind its landing pad, and that it has one. */
__attribute__((noinline)) static void call_inside(size_t offset) {
    void (*volatile inside)(void) = (void (*)(void))((uintptr_t)nothing + offset);
    SET_FLAGS(TRAP_ON);
    inside();
    SET_FLAGS(TRAP_OFF);
}

static void test_controls(void) {
    complain = 0;
    start_over();
    return_elsewhere();
    CHECK(calls_seen == 1 && unmatched == 1, "%u calls, %u wrong returns", calls_seen, unmatched);
    start_over();
    call_inside(0);
    CHECK(landings_seen == 1 && !unpadded, "%u landings, %u wrong", landings_seen, unpadded);
    start_over();
    call_inside(4);
    CHECK(landings_seen == 1 && unpadded == 1, "%u landings, %u wrong", landings_seen, unpadded);
}

int main(void) {
    step_by(look);
    run_bare(0);
    run_all(0);
    use_up_builtin();
    run_bare(1);
    run_all(1);
    test_controls();
    CHECK_POOL();
    return 0;
}
#endif
