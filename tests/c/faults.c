/* Memory that runs out at the n-th call, for every n: each public function answers with a status,
 * leaves its out parameters and the pool alone, and works afterwards.
 *
 * Linked with --wrap for malloc, calloc, mmap, mmap64 and mremap; on Windows, for the first two. */
#include "check.h"

#ifndef _WIN32
#  include <sys/mman.h>
#  include <sys/uio.h>
#endif

#include "support.h"

/* ---- Wraps: the calls of one operation are numbered from 1 ---- */

static int armed, calls, fail_at, fail_on; /* fail_on: all from fail_at on, not only that one */

static int fails(void) {
    if (!armed) return 0;
    calls++;
    return calls == fail_at || (fail_on && calls > fail_at);
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size) {
    if (!fails()) return __real_malloc(size);
    errno = ENOMEM;
    return NULL;
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size) {
    if (!fails()) return __real_calloc(n, size);
    errno = ENOMEM;
    return NULL;
}

#ifdef _WIN32

/* Calls into a DLL go through a pointer of this name, which the linker looks for in import
 * libraries last. */
#  define FAILING(result, name, parameters, arguments, failure)                                    \
      static result WINAPI wrap_##name parameters {                                                \
          HMODULE library = GetModuleHandleA("kernel32.dll");                                      \
          result(WINAPI * real) parameters =                                                       \
              (result(WINAPI *) parameters)(uintptr_t)GetProcAddress(library, #name);              \
          if (!fails()) return real arguments;                                                     \
          SetLastError(ERROR_NOT_ENOUGH_MEMORY);                                                   \
          return failure;                                                                          \
      }                                                                                            \
      result(WINAPI *__imp_##name) parameters = wrap_##name;

FAILING(void *, VirtualAlloc, (void *at, SIZE_T size, DWORD type, DWORD protection),
        (at, size, type, protection), NULL)
FAILING(HANDLE, CreateFileW,
        (const wchar_t *name, DWORD access, DWORD share, SECURITY_ATTRIBUTES *security, DWORD how,
         DWORD flags, HANDLE like),
        (name, access, share, security, how, flags, like), INVALID_HANDLE_VALUE)
FAILING(HANDLE, CreateFileMappingW,
        (HANDLE file, SECURITY_ATTRIBUTES *security, DWORD protection, DWORD high, DWORD low,
         const wchar_t *name),
        (file, security, protection, high, low, name), NULL)
FAILING(void *, MapViewOfFile, (HANDLE mapping, DWORD access, DWORD high, DWORD low, SIZE_T size),
        (mapping, access, high, low, size), NULL)

#else

void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    if (!fails()) return __real_mmap(at, size, protection, flags, fd, offset);
    errno = ENOMEM;
    return MAP_FAILED;
}

/* What glibc calls mmap in sources compiled for large files. */
#  ifdef __GLIBC__
void *__real_mmap64(void *at, size_t size, int protection, int flags, int fd, int64_t offset);
void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, int64_t offset);
void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, int64_t offset) {
    if (!fails()) return __real_mmap64(at, size, protection, flags, fd, offset);
    errno = ENOMEM;
    return MAP_FAILED;
}
#  endif

/* Variadic: PowerPC's callers of such functions make room that others need not. */
void *__real_mremap(void *old, size_t old_size, size_t size, int flags, ...);
void *__wrap_mremap(void *old, size_t old_size, size_t size, int flags, void *new);
void *__wrap_mremap(void *old, size_t old_size, size_t size, int flags, void *new) {
    if (!fails()) return __real_mremap(old, old_size, size, flags, new);
    errno = ENOMEM;
    return MAP_FAILED;
}

#endif

/* ---- Operations ---- */

/* Types and signatures are interned, so each attempt asks for one that nobody asked for before. */
static size_t serial;

static const pytramp_type *new_type(void) {
    const pytramp_member member[] = {{&pytramp_type_long, ++serial + 1000, 0}};
    const pytramp_type *type;
    CHECK_OK(pytramp_type_struct(&type, 1, member, 0));
    return type;
}

static const pytramp_type *prepared_type;
static const pytramp_signature *prepared_signature;

static void prepare_type(void) {
    prepared_type = new_type();
}

static void prepare_signature(void) {
    prepare_type();
    CHECK_OK(pytramp_signature_new(&prepared_signature, PYTRAMP_ABI_DEFAULT, prepared_type, 1,
                                   &prepared_type));
}

/* Nothing is left but what growth gives. */
static void prepare_growth(void) {
    static void *codes[20 * UNIT_CLOSURES];
    static int n;
    size_t left = stats().untouched;
    while (left--) {
        CHECK_OK(new_numbered(&codes[n % (int)COUNT(codes)], n + 1));
        n++;
    }
}

static void prepare_nothing(void) {}

static pytramp_status do_struct(void **out) {
    const pytramp_member members[] = {{&pytramp_type_int, ++serial, 0}, {&pytramp_type_char, 3, 0}};
    return pytramp_type_struct((const pytramp_type **)out, 2, members, 0);
}

static pytramp_status do_union(void **out) {
    const pytramp_member members[] = {{&pytramp_type_int, ++serial, 0}, {&pytramp_type_char, 3, 0}};
    return pytramp_type_union((const pytramp_type **)out, 2, members, 0);
}

static pytramp_status do_layout(void **out) {
    const pytramp_member members[] = {{&pytramp_type_int, 1, 0}, {&pytramp_type_char, 3, 1}};
    return pytramp_type_layout((const pytramp_type **)out, 4 * ++serial, 4, 2, members);
}

static pytramp_status do_signature(void **out) {
    return pytramp_signature_new((const pytramp_signature **)out, PYTRAMP_ABI_DEFAULT,
                                 prepared_type, 1, &prepared_type);
}

static pytramp_status do_closure(void **out) {
    return pytramp_closure_new(out, prepared_signature, return_number, NULL);
}

static pytramp_status do_closure_with_error(void **out) {
    static char error[100000];
    pytramp_closure_options options = {
        .size = sizeof options, .handler = return_number, .error = error};
    CHECK(pytramp_type_size(prepared_type) <= sizeof error, "the error value is too small");
    return pytramp_closure_new_ex(out, prepared_signature, &options);
}

static pytramp_status do_numbered(void **out) {
    return new_numbered(out, 1);
}

static pytramp_status do_alloc(void **out) {
    return pytramp_alloc(out);
}

static pytramp_status do_reserve(void **out) {
    (void)out;
    return pytramp_reserve(stats().untouched + 1);
}

static pytramp_status do_reserve_many(void **out) {
    (void)out;
    return pytramp_reserve(stats().untouched + 3 * UNIT_CLOSURES);
}

static unsigned tried_step;

static pytramp_status do_try(void **out) {
    (void)out;
    char text[100] = "";
    pytramp_status status = pytramp_try_growth(tried_step, text, sizeof text);
    CHECK(!status == !*text, "status %d and reason '%s'", (int)status, text);
    return status;
}

static pytramp_status do_check(void **out) {
    (void)out;
    return pytramp_pool_check(NULL, 0);
}

/* ---- All n, each operation ---- */

#define UNTOUCHED ((void *)(uintptr_t)0xabcd)

static pytramp_status run(pytramp_status (*operation)(void **), void **out, int at, int on) {
    calls = 0;
    fail_at = at;
    fail_on = on;
    armed = 1;
    pytramp_status status = operation(out);
    armed = 0;
    return status;
}

/* One failure, and what must be as before. Returns whether the n-th call was reached. */
static int fail_once(const char *name, void (*prepare)(void), pytramp_status (*operation)(void **),
                     int n, int on, int *failures) {
    prepare();
    void *out = UNTOUCHED;
    pytramp_statistics before = stats();
    errno = 4321;
    pytramp_status status = run(operation, &out, n, on);
    int reached = calls >= n;
    CHECK(reached || !status, "%s fails with %d of itself", name, (int)status);
    if (status) {
        CHECK(status == PYTRAMP_E_NO_MEMORY || status == PYTRAMP_E_NO_CODE, "%s, call %d: %d", name,
              n, (int)status);
        CHECK(out == UNTOUCHED, "%s, call %d: the out parameter was touched", name, n);
        pytramp_statistics after = stats();
        CHECK(after.live == before.live, "%s, call %d: %zu live, were %zu", name, n, after.live,
              before.live);
        ++*failures;
    }
    CHECK_POOL();
    out = UNTOUCHED;
    CHECK(!(status = run(operation, &out, 0, 0)), "%s, after call %d failed: %d", name, n,
          (int)status);
    return reached;
}

static void fail_everywhere(const char *name, void (*prepare)(void),
                            pytramp_status (*operation)(void **)) {
    int failures = 0, n = 1;
    for (int on = 0; on < 2; on++) {
        for (n = 1; fail_once(name, prepare, operation, n, on, &failures); n++)
            CHECK(n < 200, "%s makes more than 200 calls", name);
    }
    CHECK(failures, "%s never failed", name);
    say("%s: %d calls, each failed alone and with all after it: %d errors", name, n - 1, failures);
}

static void test_types(void) {
    fail_everywhere("type_struct", prepare_nothing, do_struct);
    fail_everywhere("type_union", prepare_nothing, do_union);
    fail_everywhere("type_layout", prepare_nothing, do_layout);
    fail_everywhere("signature_new", prepare_type, do_signature);
}

static void test_closures(void) {
    fail_everywhere("closure_new", prepare_signature, do_closure);
    fail_everywhere("closure_new_ex", prepare_signature, do_closure_with_error);
    fail_everywhere("pool_check", prepare_nothing, do_check);
}

static void fail_growth(unsigned steps) {
    CHECK_OK(pytramp_set_growth(steps));
    fail_everywhere("closure_new", prepare_growth, do_numbered);
    fail_everywhere("alloc", prepare_growth, do_alloc);
    fail_everywhere("reserve", prepare_growth, do_reserve);
}

static void fail_try(unsigned step) {
    tried_step = step;
    fail_everywhere("try_growth", prepare_nothing, do_try);
}

/* All steps that there are. Linux before 5.13 does not know mremap's, and an emulator may take the
 * page away: then it is put back, which may not be made to fail. */
static unsigned working_steps(void) {
    char why[200] = "";
    if (PT_DESCRIPTORS) return PYTRAMP_GROW_MEMORY;
    unsigned others = PYTRAMP_GROW_FILE | PYTRAMP_GROW_MEMFD;
    if (!pytramp_try_growth(PYTRAMP_GROW_MREMAP, why, sizeof why))
        return others | PYTRAMP_GROW_MREMAP;
    say("%s", why);
    return others;
}

static void test_file(void) {
    if (PT_DESCRIPTORS) return;
    fail_growth(PYTRAMP_GROW_FILE);
    fail_try(PYTRAMP_GROW_FILE);
}

#ifndef _WIN32

static void test_mremap(void) {
    if (!(working_steps() & PYTRAMP_GROW_MREMAP)) return;
    fail_growth(PYTRAMP_GROW_MREMAP);
    fail_try(PYTRAMP_GROW_MREMAP);
}

static void test_memfd(void) {
    if (PT_DESCRIPTORS) return;
    fail_growth(PYTRAMP_GROW_MEMFD);
    fail_try(PYTRAMP_GROW_MEMFD);
}

/* Each step stands in for the one before it. */
static void test_all_steps(void) {
    fail_growth(working_steps());
    if (PT_DESCRIPTORS) fail_try(PYTRAMP_GROW_MEMORY);
}

#endif

static void test_three_pairs(void) {
    CHECK_OK(pytramp_set_growth(working_steps() & PYTRAMP_GROW_DEFAULT));
    fail_everywhere("reserve, 3 pairs", prepare_growth, do_reserve_many);
}

/* The kernel's word on what is mapped; without it, growth gives back only what must be its own. */
static int knows_what_is_mapped(void) {
#ifdef _WIN32
    return 1;
#else
    int one = 1, other = 0;
    struct iovec from = {&one, sizeof one}, to = {&other, sizeof other};
    return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)sizeof one;
#endif
}

/* What the n-th failure of growth leaves mapped. */
static void fail_growth_by(unsigned step) {
    CHECK_OK(pytramp_set_growth(step));
    run(do_reserve, NULL, 1, 1); /* stdio has its buffers now */
    struct maps before = check_maps(0);
    int knows = knows_what_is_mapped();
    for (int i = 0; i < 100; i++) {
        int n = 1 + i % 4;
        pytramp_status status = run(do_reserve, NULL, n, 1);
        if (calls < n) break;
        CHECK(status == PYTRAMP_E_NO_CODE, "call %d: %d", n, (int)status);
        struct maps after = check_maps(0);
        CHECK(after.executable == before.executable, "call %d: a copy was left executable", n);
        CHECK(!knows || after.lines <= before.lines, "call %d: %u mappings more", n,
              after.lines - before.lines);
    }
}

static void test_mappings(void) {
    prepare_growth();
    fail_growth_by(PT_DESCRIPTORS ? PYTRAMP_GROW_MEMORY : PYTRAMP_GROW_FILE);
#ifndef _WIN32
    unsigned steps = working_steps();
    prepare_growth();
    if (steps & PYTRAMP_GROW_MREMAP) {
        fail_growth_by(PYTRAMP_GROW_MREMAP);
        prepare_growth();
    }
    fail_growth_by(steps);
#endif
    CHECK_OK(pytramp_reserve(stats().untouched + 1));
    say("failed growth: nothing is left mapped");
}

/* ---- A call that needs memory: 40 arguments do not fit beside each other on the stack ---- */

#define TEN(x)   x, x, x, x, x, x, x, x, x, x
#define FORTY(x) TEN(x), TEN(x), TEN(x), TEN(x)

typedef long (*call_40)(FORTY(long));

static void sum_40(const pytramp_signature *signature, void *result, void *const *args,
                   void *userdata) {
    (void)signature, (void)userdata;
    for (int i = 0; i < 40; i++)
        *(long *)result += *(long *)args[i];
}

static char report[200];

static void keep_report(const void *code, const char *what) {
    (void)code;
    snprintf(report, sizeof report, "%s", what);
}

static void test_call(void) {
    const pytramp_type *args[] = {FORTY(&pytramp_type_long)};
    const pytramp_signature *signature;
    void *code;
    long error = -3;
    pytramp_set_late_call_hook(keep_report);
    CHECK_OK(pytramp_signature_new(&signature, PYTRAMP_ABI_DEFAULT, &pytramp_type_long, 40, args));
    pytramp_closure_options options = {.size = sizeof options, .handler = sum_40, .error = &error};
    CHECK_OK(pytramp_closure_new_ex(&code, signature, &options));
    call_40 call = (call_40)(uintptr_t)code;
    CHECK(call(FORTY(2)) == 80 + error, "the preset result and the sum");
    calls = 0, fail_at = 1, armed = 1;
    errno = ERANGE;
    long got = call(FORTY(2));
    armed = 0;
    CHECK(errno == ERANGE, "errno became %d", errno);
    CHECK(calls == 1, "%d calls", calls);
    CHECK(got == error, "%ld without memory", got);
    CHECK(strstr(report, "memory"), "'%s'", report);
    CHECK(call(FORTY(2)) == 80 + error, "works again");
    CHECK_OK(pytramp_closure_free(code));
    say("a call without memory for its arguments: the error value and a report");
}

static const struct test tests[] = {
    {"types", test_types},
    {"closures", test_closures},
    {"file", test_file},
#ifndef _WIN32
    {"mremap", test_mremap},
    {"memfd", test_memfd},
    {"all steps", test_all_steps},
#endif
    {"three pairs", test_three_pairs},
    {"mappings", test_mappings},
    {"call", test_call},
};

int main(int argc, char **argv) {
    (void)argc;
    return run_tests(tests, COUNT(tests), argv);
}
