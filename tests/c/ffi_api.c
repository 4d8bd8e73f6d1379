/* libffi's functions for closures as programs use and misuse them: ffi_api LIBRARY */
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "ffi_both.h"

typedef int (*int_function)(int);

static ffi_cif int_cif, double_cif;

static void add(ffi_cif *cif, void *result, void **args, void *user_data) {
    CHECK(cif == &int_cif, "another cif");
    *(ffi_sarg *)result = *(int *)args[0] + (int)(intptr_t)user_data;
}

static void halve(ffi_cif *cif, void *result, void **args, void *user_data) {
    CHECK(cif == &double_cif && !user_data, "another cif");
    *(double *)result = *(double *)args[0] / 2;
}

static void make_cifs(void) {
    static ffi_type *int_args[] = {&ffi_type_sint}, *double_args[] = {&ffi_type_double};
    ffi_status one = ffi_prep_cif(&int_cif, FFI_DEFAULT_ABI, 1, &ffi_type_sint, int_args);
    ffi_status two = ffi_prep_cif(&double_cif, FFI_DEFAULT_ABI, 1, &ffi_type_double, double_args);
    CHECK(one == FFI_OK && two == FFI_OK, "%d, %d", one, two);
}

static int call_int(void *code, int n) {
    int_function function;
    memcpy(&function, &code, sizeof function);
    return function(n);
}

static double call_double(void *code, double x) {
    double (*function)(double);
    memcpy(&function, &code, sizeof function);
    return function(x);
}

static ffi_status prepare_int(ffi_closure *closure, int n, void *code) {
    return ours.prepare_at(closure, &int_cif, add, (void *)(intptr_t)n, code);
}

static ffi_closure *new_closure(void **code) {
    ffi_closure *closure = ours.alloc(sizeof *closure, code);
    CHECK(closure && *code, "no closure");
    return closure;
}

/* What stderr got. */
static void expect_report(void (*act)(void *), void *data, const char *wanted) {
    char text[1024];
    FILE *to = tmpfile();
    int before = dup(2);
    CHECK(to && dup2(fileno(to), 2) == 2, "no file");
    act(data);
    fflush(stderr);
    dup2(before, 2);
    close(before);
    rewind(to);
    text[fread(text, 1, sizeof text - 1, to)] = 0;
    fclose(to);
    CHECK(wanted ? strstr(text, wanted) != NULL : !*text, "'%s'", text);
}

/* ---- A closure's life ---- */

static void expect_zero(void *code) {
    CHECK(call_int(code, 5) == 0, "not zero");
}

static void test_life(void) {
    void *code;
    ffi_closure *closure = new_closure(&code);
    expect_report(expect_zero, code, "was called before");
    expect_report(expect_zero, code, NULL);
    CHECK(prepare_int(closure, 10, code) == FFI_OK, "not prepared");
    CHECK(closure->cif == &int_cif && closure->fun == add, "fields");
    CHECK(closure->user_data == (void *)10, "%p", closure->user_data);
    CHECK(call_int(code, 5) == 15, "%d", call_int(code, 5));
    ours.free(closure);
    expect_report(expect_zero, code, "was called after it was freed");
    expect_report(expect_zero, code, NULL);
    ours.free(closure);
    closure = new_closure(&code);
    CHECK(prepare_int(closure, 1, code) == FFI_OK && call_int(code, 1) == 2, "a second one");
    ours.free(code);
    expect_report(expect_zero, code, "was called after it was freed");
    say("unprepared, prepared, freed by either address");
}

/* A closure whose memory became too small for its trampoline's next one, and stays. Before any test
 * that asks for as much. */
static void test_stale(void) {
    void *code, *other_code;
    ffi_closure *stale = new_closure(&code), *other;
    ours.free(stale);
    for (int i = 0;; i++) {
        CHECK(i < 10000, "its trampoline is not used again");
        other = ours.alloc(1024, &other_code);
        CHECK(other && other != stale, "round %d", i);
        if (other_code == code) break;
        ours.free(other);
    }
    CHECK(prepare_int(other, 1, other_code) == FFI_OK, "not prepared");
    CHECK(prepare_int(stale, 2, code) == FFI_BAD_ABI, "with its code");
    CHECK(prepare_int(stale, 2, NULL) == FFI_BAD_ABI, "without");
    CHECK(ours.prepare(stale, &int_cif, add, NULL) == FFI_BAD_ABI, "ffi_prep_closure");
    CHECK(call_int(other_code, 1) == 2, "another one was prepared");
    ours.free(other);
    say("prepared after its trampoline was given away");
}

static void test_again(void) {
    void *code;
    ffi_closure *closure = new_closure(&code);
    for (int i = 0; i < 1000; i++) {
        CHECK(prepare_int(closure, i, code) == FFI_OK, "round %d", i);
        CHECK(call_int(code, 3) == i + 3, "round %d", i);
        CHECK(ours.prepare_at(closure, &double_cif, halve, NULL, code) == FFI_OK, "round %d", i);
        CHECK(call_double(code, i) == i / 2.0, "round %d", i);
    }
    ours.free(closure);
    say("prepared again with another type");
}

static void test_fields(void) {
    void *code;
    ffi_closure *closure = new_closure(&code);
    memset(closure->tramp, 0xff, FFI_TRAMPOLINE_SIZE);
    CHECK(prepare_int(closure, 1, code) == FFI_OK && call_int(code, 1) == 2, "tramp was written");
    memset(closure->tramp, 0, FFI_TRAMPOLINE_SIZE);
    closure->user_data = (void *)20;
    CHECK(call_int(code, 1) == 21, "user_data was written");
    closure->fun = NULL;
    CHECK(call_int(code, 1) == 0, "no function");
    ours.free(closure);
    say("fields are read when it is called, tramp never");
}

static void write_anyway(ffi_cif *cif, void *result, void **args, void *user_data) {
    (void)cif, (void)user_data;
    *(ffi_arg *)result = *(ffi_arg *)args[0];
}

/* Handlers may write an ffi_arg whatever the result is. */
static void test_no_result(void) {
    static ffi_type *args[] = {&ffi_type_pointer};
    ffi_cif cif;
    void *code;
    void (*function)(void *);
    ffi_closure *closure = new_closure(&code);
    ffi_status status = ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_void, args);
    CHECK(status == FFI_OK, "%d", status);
    status = ours.prepare_at(closure, &cif, write_anyway, NULL, code);
    CHECK(status == FFI_OK, "%d", status);
    memcpy(&function, &code, sizeof function);
    function(&cif);
    ours.free(closure);
    say("a result that nobody asked for");
}

static void test_sizes(void) {
    static const size_t sizes[] = {0, 1, sizeof(ffi_closure), 100, 4096, 1 << 20};
    for (int round = 0; round < 5000; round++) {
        size_t size = sizes[(unsigned)round % COUNT(sizes)];
        void *code;
        unsigned char *closure = ours.alloc(size, &code);
        CHECK(closure, "%zu bytes", size);
        CHECK((uintptr_t)closure % _Alignof(ffi_closure) == 0, "%p", (void *)closure);
        if (size > sizeof(ffi_closure)) memset(closure, 0x5a, size);
        CHECK(prepare_int((ffi_closure *)(void *)closure, round, code) == FFI_OK, "%zu", size);
        CHECK(call_int(code, 1) == round + 1, "%zu bytes", size);
        CHECK(size <= sizeof(ffi_closure) || closure[size - 1] == 0x5a, "%zu bytes", size);
        ours.free(closure);
    }
    say("sizes from 0 to 1 MiB");
}

/* ---- Misuse ---- */

static void test_bad_arguments(void) {
    void *code;
    ffi_closure *closure = new_closure(&code);
    ffi_cif bad = int_cif;
    CHECK(!ours.alloc(sizeof(ffi_closure), NULL), "no place for the code");
    CHECK(!ours.alloc(SIZE_MAX, &code) && !ours.alloc(SIZE_MAX / 2 + 1, &code), "too large");
    CHECK(prepare_int(NULL, 0, code) == FFI_BAD_TYPEDEF, "no closure");
    CHECK(ours.prepare_at(closure, NULL, add, NULL, code) == FFI_BAD_TYPEDEF, "no cif");
    CHECK(ours.prepare(NULL, &int_cif, add, NULL) == FFI_BAD_TYPEDEF, "no closure");
    bad.rtype = NULL;
    CHECK(ours.prepare_at(closure, &bad, add, NULL, code) == FFI_BAD_TYPEDEF, "no result");
    bad = int_cif;
    bad.arg_types = NULL;
    CHECK(ours.prepare_at(closure, &bad, add, NULL, code) == FFI_BAD_TYPEDEF, "no arguments");
    for (int abi = -1; abi < 2 * FFI_LAST_ABI; abi += 2 * FFI_LAST_ABI) {
        bad = int_cif;
        bad.abi = (ffi_abi)abi;
        CHECK(ours.prepare_at(closure, &bad, add, NULL, code) == FFI_BAD_ABI, "abi %d", abi);
    }
#ifdef __i386__
    static const ffi_abi others[] = {FFI_PASCAL, FFI_REGISTER};
    for (unsigned i = 0; i < COUNT(others); i++) {
        bad.abi = others[i];
        CHECK(ours.prepare_at(closure, &bad, add, NULL, code) == FFI_BAD_ABI, "%d", bad.abi);
    }
#endif
    CHECK(!closure->cif && !closure->fun, "a failure has written");
    CHECK(ours.prepare_at(closure, &int_cif, NULL, NULL, code) == FFI_OK, "libffi looks at none");
    CHECK(call_int(code, 1) == 0, "no function");
    ours.free(closure);
    say("bad arguments");
}

static void test_bad_frees(void) {
    static _Alignas(ffi_closure) unsigned char other[sizeof(ffi_closure)];
    void *code, *heap = malloc(64);
    ffi_closure *closure = new_closure(&code);
    CHECK(prepare_int(closure, 1, code) == FFI_OK, "not prepared");
    ours.free(NULL);
    ours.free(other);
    ours.free(heap);
    ours.free((void *)1);
    ours.free((unsigned char *)closure + 8);
    ours.free((unsigned char *)code + 1);
    CHECK(call_int(code, 1) == 2, "it was freed");
    for (int i = 0; i < 3; i++)
        ours.free(closure);
    ours.free(code);
    CHECK(prepare_int(closure, 1, code) == FFI_BAD_ABI, "prepared after it was freed");
    free(heap);
    say("free of what is not alive");
}

static void test_bad_codes(void) {
    void *code, *other_code;
    ffi_closure *closure = new_closure(&code), *other = new_closure(&other_code), mine;
    CHECK(prepare_int(other, 1, other_code) == FFI_OK, "not prepared");
    /* Beside a closure of ours it says nothing. */
    CHECK(prepare_int(closure, 2, NULL) == FFI_OK && call_int(code, 1) == 3, "NULL");
    CHECK(prepare_int(closure, 3, (unsigned char *)code + 1) == FFI_OK, "off by one");
    CHECK(call_int(code, 1) == 4, "off by one");
    CHECK(prepare_int(closure, 4, closure) == FFI_OK && call_int(code, 1) == 5, "itself");
    CHECK(prepare_int(closure, 5, other_code) == FFI_OK && call_int(code, 1) == 6, "another's");
    CHECK(prepare_int(code, 6, code) == FFI_OK && call_int(code, 1) == 7, "code as closure");
    CHECK(call_int(other_code, 1) == 2, "another one was prepared");
    /* The caller's memory cannot have a trampoline of ours. */
    CHECK(prepare_int(&mine, 1, other_code) == FFI_BAD_ABI, "memory of its own");
    CHECK(prepare_int(&mine, 1, (unsigned char *)other_code + 3) == FFI_BAD_ABI, "off by three");
    CHECK(prepare_int(&mine, 1, other) == FFI_BAD_ABI, "another closure's memory");
    CHECK(call_int(other_code, 1) == 2, "another one was prepared");
    CHECK(prepare_int(&mine, 1, NULL) == FFI_OK, "libffi looks at none");
    ours.free(&mine);
    ours.free(closure);
    ours.free(other);
    say("code pointers that are not the closure's");
}

/* As arrays are written, and structs that grow by doubling: each level is looked at once. */
static void test_nesting(void) {
    enum { DEEP = 24 };
    static ffi_type types[DEEP], *elements[DEEP][3], *args[1];
    ffi_cif cif;
    void *code;
    ffi_closure *closure = new_closure(&code);
    for (int i = 0; i < DEEP; i++) {
        ffi_type *below = i ? &types[i - 1] : &ffi_type_uint8;
        elements[i][0] = elements[i][1] = below;
        types[i] = (ffi_type){.type = FFI_TYPE_STRUCT, .elements = elements[i]};
    }
    args[0] = &types[DEEP - 1];
    ffi_status status = ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_void, args);
    CHECK(status == FFI_OK && args[0]->size == 1u << DEEP, "%d", status);
    for (int i = 0; i < 100; i++) {
        status = ours.prepare_at(closure, &cif, write_anyway, NULL, code);
        CHECK(status == FFI_OK, "%d", status);
    }
    ours.free(closure);
    say("structs of structs");
}

/* ---- Memory that the caller mapped ---- */

#define PAGE 65536

/* Nothing but the closure may have been written. */
static void check_page(const unsigned char *page, size_t at) {
    for (size_t i = 0; i < PAGE; i++) {
        if (i >= at && i < at + sizeof(ffi_closure)) continue;
        CHECK(page[i] == 0xcc, "byte %zu around a closure at %zu is %x", i, at, page[i]);
    }
}

static void use_mapped(unsigned char *page, unsigned char *executed) {
    char first[FFI_TRAMPOLINE_SIZE];
    size_t at = 128;
    ffi_closure *closure = (ffi_closure *)(void *)(page + at);
    memset(page, 0xcc, PAGE);
    for (int i = 0; i < 20000; i++) {
        CHECK(prepare_int(closure, i, executed + at) == FFI_OK, "round %d", i);
        if (!i) memcpy(first, closure->tramp, sizeof first);
        CHECK(!memcmp(first, closure->tramp, sizeof first), "another trampoline");
        CHECK(call_int(executed + at, 1) == i + 1, "round %d", i);
    }
    CHECK(closure->cif == &int_cif && closure->fun == add, "fields");
    check_page(page, at);
    CHECK(ours.prepare_at(closure, &double_cif, halve, NULL, executed + at) == FFI_OK, "again");
    CHECK(call_double(executed + at, 3) == 1.5, "another type");
    ours.free(closure);
    CHECK(call_double(executed + at, 3) == 1.5, "there is no free of them");
    check_page(page, at);
}

static void test_mapped(void) {
    int all = PROT_READ | PROT_WRITE | PROT_EXEC;
    unsigned char *page = mmap(NULL, PAGE, all, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        say("mapped: not allowed here");
        return;
    }
    use_mapped(page, page);
    ffi_closure *closure = (ffi_closure *)(void *)(page + 128);
    CHECK(ours.prepare(closure, &int_cif, add, (void *)4) == FFI_OK, "ffi_prep_closure");
    CHECK(call_int(closure, 4) == 8, "ffi_prep_closure");
    munmap(page, PAGE);
    say("memory that the caller mapped");
}

static void test_mapped_twice(void) {
    int file = memfd_create("twice", MFD_CLOEXEC), shared = MAP_SHARED;
    CHECK(file >= 0 && !ftruncate(file, PAGE), "no memory file");
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, shared, file, 0);
    void *executed = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, shared, file, 0);
    CHECK(page != MAP_FAILED && executed != MAP_FAILED, "not mapped");
    use_mapped(page, executed);
    munmap(page, PAGE);
    munmap(executed, PAGE);
    close(file);
    say("the same, mapped twice");
}

/* ---- Threads, forks ---- */

static void *churn(void *number) {
    enum { MANY = 50 };
    void *codes[MANY];
    ffi_closure *closures[MANY];
    for (int round = 0; round < 100; round++) {
        int base = (int)(intptr_t)number + round;
        for (int i = 0; i < MANY; i++) {
            closures[i] = new_closure(&codes[i]);
            CHECK(prepare_int(closures[i], base + i, codes[i]) == FFI_OK, "not prepared");
        }
        for (int i = 0; i < MANY; i++)
            CHECK(call_int(codes[i], 1) == base + i + 1, "another one's");
        for (int i = 0; i < MANY; i++)
            ours.free(i % 2 ? closures[i] : codes[i]);
    }
    return NULL;
}

static void test_threads(void) {
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++)
        CHECK(!pthread_create(&threads[i], NULL, churn, (void *)(intptr_t)(i * 1000)), "no thread");
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    say("four threads");
}

static void test_fork(void) {
    int status;
    void *code;
    ffi_closure *closure = new_closure(&code);
    CHECK(prepare_int(closure, 1, code) == FFI_OK, "not prepared");
    pid_t child = fork();
    if (!child) {
        CHECK(prepare_int(closure, 100, code) == FFI_OK && call_int(code, 1) == 101, "in a child");
        churn(NULL);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && !status, "%x", (unsigned)status);
    CHECK(call_int(code, 1) == 2, "the child's is not ours");
    ours.free(closure);
    say("a child has its own");
}

int main(int argc, char **argv) {
    CHECK(argc == 2, "usage: %s LIBRARY", argv[0]);
    alarm(300);
    load_ours(argv[1]);
    make_cifs();
    test_life();
    test_stale();
    test_again();
    test_fields();
    test_no_result();
    test_sizes();
    test_bad_arguments();
    test_bad_frees();
    test_bad_codes();
    test_nesting();
    test_mapped();
    test_mapped_twice();
    test_threads();
    test_fork();
    return 0;
}
