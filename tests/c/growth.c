/* Growth, each test in a process of its own: every step alone, their order, what is said when they
 * fail, and what is left in sandboxes and with the library's file gone.
 *
 *     growth <test> <this module's file> [another file or folder]
 *
 * It runs as a program, and as a shared library in loader.c. Tests change and replace the module's
 * file: give them a copy. */
#include "check.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "sandbox.h"
#include "support.h"

#ifndef PR_SET_MDWE
#  define PR_SET_MDWE 65
#endif
#define REFUSE_EXEC_GAIN 1

#define STEPS 3
static const unsigned steps[STEPS] = {PYTRAMP_GROW_MREMAP, PYTRAMP_GROW_FILE, PYTRAMP_GROW_MEMFD};
static const char *const step_names[STEPS] = {"mremap", "file", "memfd"};

/* Of PYTRAMP_GROW_DEFAULT, what there is where code is copied. */
#define DEFAULT (PYTRAMP_GROW_DEFAULT & ~PYTRAMP_GROW_MEMORY)

static const char *own_file, *other_file;

/* ---- Growing and calling ---- */

static pytramp_status grow(void) {
    return pytramp_reserve(stats().untouched + 1);
}

static unsigned pairs_of(unsigned step) {
    pytramp_statistics all = stats();
    size_t pairs[STEPS] = {all.mremap_pairs, all.file_pairs, all.memfd_pairs};
    for (int i = 0; i < STEPS; i++) {
        if (steps[i] == step) return (unsigned)pairs[i];
    }
    return 0;
}

static void *codes[64 * UNIT_CLOSURES];
static int made;

/* Every slot there is, up to the last of the newest page pair. */
static void use_up(void) {
    int n = (int)stats().untouched;
    CHECK((size_t)(made + n) <= COUNT(codes), "%d untouched slots", n);
    for (int i = made; i < made + n; i++)
        CHECK_OK(new_numbered(&codes[i], i + 1));
    for (int i = made; i < made + n; i++)
        CHECK(call_int(codes[i]) == i + 1, "closure %d", i + 1);
    made += n;
}

/* What needs Linux's own mremap is not tested under an emulator. */
static void need_step(unsigned step) {
    char text[500] = "";
    if (step != PYTRAMP_GROW_MREMAP || !pytramp_try_growth(step, text, sizeof text)) return;
    if (strstr(text, "took the library's own page away")) skip("%s", text);
}

/* The next growth is by exactly this step, and what it gives can be called. */
static void expect_growth_by(unsigned step) {
    need_step(step);
    use_up();
    unsigned before = pairs_of(step);
    size_t capacity = stats().capacity;
    CHECK_OK(grow());
    CHECK(pairs_of(step) == before + 1, "step %u has %u pairs, had %u", step, pairs_of(step),
          before);
    CHECK(stats().capacity == capacity + UNIT_CLOSURES, "capacity %zu", stats().capacity);
    use_up();
}

/* What pytramp_growth_error says. */
static const char *reasons(void) {
    static char text[2000];
    size_t length = pytramp_growth_error(text, sizeof text);
    CHECK(length == strlen(text), "%zu is not the length of '%s'", length, text);
    return text;
}

static void expect_no_growth(void) {
    size_t capacity = stats().capacity;
    void *code = &code;
    use_up();
    CHECK_STATUS(grow(), PYTRAMP_E_NO_CODE);
    CHECK_STATUS(pytramp_alloc(&code), PYTRAMP_E_NO_CODE);
    CHECK_STATUS(new_numbered(&code, 1), PYTRAMP_E_NO_CODE);
    CHECK(code == (void *)&code, "an out parameter was touched");
    CHECK(stats().capacity == capacity, "it grew");
}

static void expect_reason(const char *part) {
    CHECK(strstr(reasons(), part), "'%s' is not in '%s'", part, reasons());
}

/* This step fails here, and says so. */
static void expect_step_fails(unsigned step, const char *reason) {
    char text[500] = "";
    CHECK_STATUS(pytramp_try_growth(step, text, sizeof text), PYTRAMP_E_NO_CODE);
    CHECK(strstr(text, reason), "'%s' is not in '%s'", reason, text);
    CHECK_STATUS(pytramp_try_growth(step, NULL, 0), PYTRAMP_E_NO_CODE);
    unsigned allowed = pytramp_get_growth();
    CHECK_OK(pytramp_set_growth(step));
    expect_no_growth();
    expect_reason(reason);
    CHECK_OK(pytramp_set_growth(allowed));
}

static void expect_step_works(unsigned step) {
    char text[500] = "untouched";
    need_step(step);
    CHECK(!pytramp_try_growth(step, text, sizeof text), "step %u: %s", step, text);
    CHECK(!strcmp(text, "untouched"), "text was written without a failure: '%s'", text);
    unsigned allowed = pytramp_get_growth();
    CHECK_OK(pytramp_set_growth(step));
    expect_growth_by(step);
    CHECK_OK(pytramp_set_growth(allowed));
}

/* The end of a test in a sandbox, where a sanitizer could not do its work at exit: whatever growth
 * does, the built-in pool serves on. */
static void finish(const char *what) {
    use_up();
    pytramp_set_late_call_hook(count_report);
    for (int i = 0; i < 6000; i++)
        CHECK_OK(pytramp_closure_free(codes[i]));
    for (int i = 0; i < 1500; i++)
        CHECK_OK(new_numbered(&codes[i], i + 1));
    for (int i = 0; i < 1500; i++)
        CHECK(call_int(codes[i]) == i + 1, "closure %d", i + 1);
    CHECK_POOL();
    say("%s", what);
    _exit(0);
}

/* ---- Steps ---- */

static void grow_ten_times(int i) {
    CHECK_OK(pytramp_set_growth(steps[i]));
    CHECK(pytramp_get_growth() == steps[i], "%u", pytramp_get_growth());
    struct maps before = check_maps(0);
    for (int k = 0; k < 10; k++)
        expect_growth_by(steps[i]);
    struct maps after = check_maps(0);
    CHECK(pairs_of(steps[i]) == 10, "%u pairs", pairs_of(steps[i]));
    CHECK(after.executable - before.executable == 10, "%u executable mappings more",
          after.executable - before.executable);
    CHECK(after.memfd == (steps[i] == PYTRAMP_GROW_MEMFD ? 10u : 0u), "%u memfds", after.memfd);
    say("step %s: 10 page pairs, none writable and executable, none anonymous", step_names[i]);
}

static void test_mremap(void) {
    grow_ten_times(0);
}

static void test_file(void) {
    grow_ten_times(1);
}

static void test_memfd(void) {
    grow_ten_times(2);
}

/* What pytramp.h promises of pytramp_growth_error: nothing when the first allowed step worked. */
static void test_no_reasons(void) {
    for (int i = 0; i < STEPS; i++) {
        CHECK_OK(pytramp_set_growth(0));
        expect_no_growth();
        CHECK(*reasons(), "no reason for no growth");
        CHECK_OK(pytramp_set_growth(steps[i]));
        expect_growth_by(steps[i]);
        CHECK(!*reasons(), "%s worked, yet: '%s'", step_names[i], reasons());
    }
    say("growth_error: empty after a growth by the first step allowed");
}

static void test_default(void) {
    CHECK(pytramp_get_growth() == DEFAULT, "%u", pytramp_get_growth());
    for (int i = 0; i < 10; i++)
        CHECK_OK(grow());
    use_up();
    pytramp_statistics all = stats();
    CHECK(all.mremap_pairs + all.file_pairs == 10 && !all.memfd_pairs, "%zu, %zu, %zu",
          all.mremap_pairs, all.file_pairs, all.memfd_pairs);
    CHECK(!check_maps(0).memfd, "a memfd that nobody asked for");
    say("default: %zu pairs by mremap, %zu by the file, none by memfd", all.mremap_pairs,
        all.file_pairs);
}

static void test_try(void) {
    char text[500] = "";
    struct maps before = check_maps(0);
    CHECK_OK(pytramp_set_growth(0));
    for (int i = STEPS - 1; i >= 0; i--) {
        need_step(steps[i]);
        for (int k = 0; k < 20; k++)
            CHECK_STATUS(pytramp_try_growth(steps[i], text, sizeof text), PYTRAMP_OK);
        CHECK_OK(pytramp_try_growth(steps[i], NULL, 0));
    }
    CHECK(check_maps(0).executable == before.executable, "a tried pair was left");
    CHECK(stats().capacity == BUILTIN_CLOSURES, "trying adds nothing");
    CHECK_STATUS(pytramp_try_growth(0, text, sizeof text), PYTRAMP_E_INVALID);
    CHECK_STATUS(pytramp_try_growth(PYTRAMP_GROW_DEFAULT, text, sizeof text), PYTRAMP_E_INVALID);
    CHECK_STATUS(pytramp_try_growth(16, text, sizeof text), PYTRAMP_E_INVALID);
    CHECK(!*text, "'%s'", text);
    errno = 4321;
    CHECK_OK(pytramp_try_growth(PYTRAMP_GROW_FILE, text, sizeof text));
    CHECK(errno == 4321, "errno became %d", errno);
    say("try_growth: each step, nothing is left of it");
}

static void test_set(void) {
    CHECK_STATUS(pytramp_set_growth(16), PYTRAMP_E_INVALID);
    CHECK_STATUS(pytramp_set_growth(~0u), PYTRAMP_E_INVALID);
    CHECK(pytramp_get_growth() == DEFAULT, "%u", pytramp_get_growth());
    CHECK_OK(pytramp_set_growth(PYTRAMP_GROW_MEMORY | PYTRAMP_GROW_FILE));
    CHECK(pytramp_get_growth() == PYTRAMP_GROW_FILE, "no such step here is left out");
    CHECK_STATUS(pytramp_try_growth(PYTRAMP_GROW_MEMORY, NULL, 0), PYTRAMP_E_NO_CODE);
    for (unsigned all = 0; all <= 7; all++) {
        CHECK_OK(pytramp_set_growth(all));
        CHECK(pytramp_get_growth() == all, "%u, not %u", pytramp_get_growth(), all);
    }
    CHECK_STATUS(pytramp_set_growth(16), PYTRAMP_E_INVALID);
    CHECK(pytramp_get_growth() == 7, "a refused set changed it to %u", pytramp_get_growth());
    say("set_growth: every choice, unknown bits refused");
}

/* ---- PYTRAMP_GROWTH ---- */

struct setting {
    const char *text, *unknown;
    unsigned steps;
};

static const struct setting settings[] = {
    {"", NULL, DEFAULT},
    {"memory,file", NULL, PYTRAMP_GROW_FILE},
    {"mremap", NULL, PYTRAMP_GROW_MREMAP},
    {"file", NULL, PYTRAMP_GROW_FILE},
    {"memfd", NULL, PYTRAMP_GROW_MEMFD},
    {"memfd,file,mremap", NULL, 7},
    {"file,file", NULL, PYTRAMP_GROW_FILE},
    {"none", NULL, 0},
    {"bogus", "bogus", 0},
    {"file,bogus", "bogus", 0},
    {"bogus,file", "bogus,file", 0},
    {"File", "File", 0},
    {"file,", "names no step", 0},
    {"mremap,none", "none", 0},
    {" file", " file", 0},
    {"mrema", "mrema", 0},
    {"mremapp", "mremapp", 0},
};

static const struct setting *setting;

static void expect_growth_as_set(void) {
    for (int i = 0; i < STEPS; i++) {
        if (!(setting->steps & steps[i])) continue;
        expect_growth_by(steps[i]);
        return;
    }
    expect_no_growth();
    for (int i = 0; i < STEPS; i++)
        expect_reason(step_names[i]);
}

static void check_setting(void) {
    static char variable[64];
    snprintf(variable, sizeof variable, "PYTRAMP_GROWTH=%s", setting->text);
    CHECK(!putenv(variable), "putenv");
    CHECK(pytramp_get_growth() == setting->steps, "'%s' gives %u", setting->text,
          pytramp_get_growth());
    setenv("PYTRAMP_GROWTH", "mremap,file,memfd", 1);
    memset(variable, 'x', sizeof variable - 1); /* musl frees what it replaces */
    CHECK(pytramp_get_growth() == setting->steps, "it is read once only");
    expect_growth_as_set();
    if (!setting->unknown) return;
    expect_reason("PYTRAMP_GROWTH names no step");
    expect_reason(setting->unknown);
    CHECK_OK(pytramp_set_growth(0));
    CHECK(!strstr(reasons(), "names no step"), "the program chose now: '%s'", reasons());
}

static void test_environment(void) {
    for (setting = settings; setting < settings + COUNT(settings); setting++)
        in_child(setting->text, check_setting);
    setenv("PYTRAMP_GROWTH", "none", 1);
    CHECK_OK(pytramp_set_growth(PYTRAMP_GROW_DEFAULT));
    CHECK_OK(grow());
    CHECK(!*reasons(), "'%s'", reasons());
    say("PYTRAMP_GROWTH: %zu settings; pytramp_set_growth comes first", COUNT(settings));
}

/* ---- Falling through, and saying why ---- */

static void test_order(void) {
    CHECK_OK(pytramp_set_growth(7));
    expect_growth_by(PYTRAMP_GROW_MREMAP);
    DENY({SYS_mremap, 3, 4 /* MREMAP_DONTUNMAP */});
    expect_growth_by(PYTRAMP_GROW_FILE);
    DENY(OPENING_FILES);
    expect_growth_by(PYTRAMP_GROW_MEMFD);
    DENY({SYS_memfd_create, 0, 0});
    expect_no_growth();
    expect_reason("mremap: mremap(MREMAP_DONTUNMAP): Operation not permitted; "
                  "file: open of the module's file: Operation not permitted; "
                  "memfd: memfd_create: Operation not permitted");
    finish("order: mremap, file, memfd, then every reason");
}

static void test_not_allowed(void) {
    CHECK(!*reasons(), "no growth has failed yet: '%s'", reasons());
    CHECK_OK(pytramp_set_growth(0));
    expect_no_growth();
    for (int i = 0; i < STEPS; i++)
        expect_reason(step_names[i]);
    expect_reason("not allowed");
    char whole[2000], part[2000];
    size_t length = pytramp_growth_error(whole, sizeof whole);
    for (size_t size = 1; size < length + 5; size++) {
        memset(part, '#', sizeof part);
        CHECK(pytramp_growth_error(part, size) == length, "the whole length, whatever fits");
        CHECK(strlen(part) == (size <= length ? size - 1 : length), "size %zu: '%s'", size, part);
        CHECK(!strncmp(part, whole, strlen(part)), "'%s' does not begin '%s'", part, whole);
        CHECK(part[size] == '#', "wrote beyond size %zu", size);
    }
    CHECK(pytramp_growth_error(NULL, 0) == length, "no text at all");
    errno = 4321;
    CHECK_STATUS(grow(), PYTRAMP_E_NO_CODE);
    CHECK(errno == 4321, "errno became %d", errno);
    CHECK_OK(pytramp_set_growth(PYTRAMP_GROW_DEFAULT));
    CHECK_OK(grow());
    CHECK(errno == 4321, "errno became %d", errno);
    CHECK(!*reasons(), "after a growth that worked: '%s'", reasons());
    say("growth_error: names every step, cut to any size");
}

/* ---- The module's file is not what it was ---- */

static unsigned long inode_of(const char *path) {
    struct stat status;
    CHECK(!stat(path, &status), "%s: %s", path, strerror(errno));
    return (unsigned long)status.st_ino;
}

static void test_deleted(void) {
    CHECK(!unlink(own_file), "%s: %s", own_file, strerror(errno));
    expect_step_works(PYTRAMP_GROW_MREMAP);
    expect_step_fails(PYTRAMP_GROW_FILE, "file: open of the module's file: No such file");
    expect_step_works(PYTRAMP_GROW_MEMFD);
    expect_growth_by(PYTRAMP_GROW_MREMAP);
    check_maps(0);
    say("deleted file: mremap and memfd work, the file step says why it does not");
}

/* The same bytes in another file. */
static void test_replaced_by_copy(void) {
    expect_step_works(PYTRAMP_GROW_FILE);
    CHECK(inode_of(other_file) != inode_of(own_file), "%s is not another file", other_file);
    CHECK(!rename(other_file, own_file), "%s: %s", other_file, strerror(errno));
    expect_step_works(PYTRAMP_GROW_MREMAP);
    expect_step_works(PYTRAMP_GROW_FILE);
    expect_step_works(PYTRAMP_GROW_MEMFD);
    check_maps(0);
    say("replaced by a copy: every step works");
}

/* Nothing of the other file may be left executable; mremap keeps copying the deleted one. */
static void expect_refused(const char *reason) {
    unsigned long foreign = inode_of(other_file);
    CHECK(!rename(other_file, own_file), "%s: %s", other_file, strerror(errno));
    expect_step_fails(PYTRAMP_GROW_FILE, reason);
    expect_step_works(PYTRAMP_GROW_MREMAP);
    expect_step_works(PYTRAMP_GROW_MEMFD);
    expect_growth_by(PYTRAMP_GROW_MREMAP);
    check_maps(foreign);
}

static void test_replaced_by_build(void) {
    expect_refused("file: the module's file was replaced by another build");
    say("replaced by another build: refused, mremap works");
}

static void test_replaced_by_shorter(void) {
    expect_refused("file: the module's file was replaced by a shorter one");
    say("replaced by a shorter file: refused, mremap works");
}

/* For a module without a build-id: only the bytes tell. */
static void test_replaced_without_note(void) {
    expect_refused("file: the copy's bytes differ from the library's");
    say("replaced by other bytes: refused, mremap works");
}

/* Whoever opens a pipe waits for its other end. */
static void test_replaced_by_pipe(void) {
    CHECK(!unlink(own_file) && !mkfifo(own_file, 0600), "%s", strerror(errno));
    alarm(10);
    expect_step_fails(PYTRAMP_GROW_FILE, "file: ");
    expect_growth_by(PYTRAMP_GROW_MREMAP);
    say("replaced by a pipe: refused at once, mremap works");
}

static void test_replaced_by_folder(void) {
    CHECK(!unlink(own_file) && !mkdir(own_file, 0700), "%s", strerror(errno));
    expect_step_fails(PYTRAMP_GROW_FILE, "file: ");
    expect_growth_by(PYTRAMP_GROW_MREMAP);
    say("replaced by a folder: refused, mremap works");
}

static void test_put_back(void) {
    char away[5000];
    snprintf(away, sizeof away, "%s away", own_file);
    CHECK(!rename(own_file, away), "%s", strerror(errno));
    expect_step_fails(PYTRAMP_GROW_FILE, "No such file");
    CHECK(!rename(away, own_file), "%s", strerror(errno));
    expect_step_works(PYTRAMP_GROW_FILE);
    say("put back: the file step works again");
}

/* As tools do that move a program's text to huge pages: its bytes in anonymous memory, a part or
 * all of it. */
static void make_anonymous(size_t size) {
    void *at = (void *)(uintptr_t)pt_template_code;
    void *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(copy != MAP_FAILED, "%s", strerror(errno));
    memcpy(copy, at, size);
    CHECK(!mprotect(copy, size, PROT_READ | PROT_EXEC), "%s", strerror(errno));
    CHECK(mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, at) == at, "%s", strerror(errno));
}

static void test_anonymous_text(void) {
    for (size_t size = PT_UNIT / 4; size <= PT_UNIT; size *= 2) {
        make_anonymous(size);
        expect_step_fails(PYTRAMP_GROW_MREMAP, "mremap");
        expect_step_works(PYTRAMP_GROW_FILE);
        expect_step_works(PYTRAMP_GROW_MEMFD);
    }
    say("anonymous text: its bytes stay where they are, the file and memfd work");
}

/* ---- Threads that are cancelled ---- */

static void *grow_cancelled(void *at) {
    unsigned step = *(const unsigned *)at;
    CHECK_OK(pytramp_set_growth(step));
    CHECK(!pthread_cancel(pthread_self()), "pending");
    grow();
    pytramp_try_growth(step, NULL, 0);
    pthread_testcancel();
    return NULL;
}

static void test_cancelled(void) {
    for (int i = 1; i < STEPS; i++) { /* mremap alone is no cancellation point */
        pthread_t thread;
        void *result;
        unsigned step = steps[i];
        CHECK(!pthread_create(&thread, NULL, grow_cancelled, &step), "a thread");
        CHECK(!pthread_join(thread, &result) && result == PTHREAD_CANCELED, "after it has grown");
        alarm(20);
        expect_growth_by(steps[i]);
    }
    say("cancelled while it grows: afterwards, and the others grow on");
}

/* ---- Sandboxes ---- */

static void test_mdwe(void) {
    if (prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0)) skip("no PR_SET_MDWE: %s", strerror(errno));
    for (int i = 0; i < STEPS; i++)
        expect_step_works(steps[i]);
    check_maps(0);
    finish("PR_SET_MDWE: every step works");
}

static void test_chroot(void) {
    leave_all_files(other_file);
    expect_step_works(PYTRAMP_GROW_MREMAP);
    expect_step_fails(PYTRAMP_GROW_FILE, "file: open of the module's file: No such file");
    expect_step_works(PYTRAMP_GROW_MEMFD);
    finish("an empty root: mremap and memfd work");
}

static void test_no_proc(void) {
    hide_proc();
    for (int i = 0; i < STEPS; i++)
        expect_step_works(steps[i]);
    finish("/proc hidden after the start: every step works");
}

/* Without /proc from the start, a program does not know its file; a library does. */
static void test_never_proc(void) {
    char program[4096];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    CHECK(length > 0, "%s", strerror(errno));
    program[length] = 0;
    hide_proc();
    if (!strcmp(program, own_file)) {
        execl(program, program, "without_proc", own_file, "program", (char *)NULL);
    } else {
        execl(program, program, own_file, "without_proc", own_file, "library", (char *)NULL);
    }
    check_failed(__FILE__, __LINE__, "execl", "%s: %s", program, strerror(errno));
}

static void test_without_proc(void) {
    expect_step_works(PYTRAMP_GROW_MREMAP);
    if (!strcmp(other_file, "library"))
        expect_step_works(PYTRAMP_GROW_FILE);
    else
        expect_step_fails(PYTRAMP_GROW_FILE, "file: the module's file has no path");
    expect_step_works(PYTRAMP_GROW_MEMFD);
    finish("/proc hidden before the start: mremap and memfd work, the file step for a library");
}

static void test_no_open(void) {
    DENY(OPENING_FILES);
    expect_step_works(PYTRAMP_GROW_MREMAP);
    expect_step_fails(PYTRAMP_GROW_FILE,
                      "file: open of the module's file: Operation not permitted");
    expect_step_works(PYTRAMP_GROW_MEMFD);
    finish("no open: mremap and memfd work");
}

static void test_no_memfd(void) {
    DENY({SYS_memfd_create, 0, 0});
    expect_step_works(PYTRAMP_GROW_MREMAP);
    expect_step_works(PYTRAMP_GROW_FILE);
    expect_step_fails(PYTRAMP_GROW_MEMFD, "memfd: memfd_create: Operation not permitted");
    finish("no memfd_create: mremap and the file work");
}

static void test_no_exec(void) {
    DENY(GAINING_EXEC);
    expect_step_works(PYTRAMP_GROW_MREMAP);
    expect_step_fails(PYTRAMP_GROW_FILE, "file: mmap(PROT_EXEC): Operation not permitted");
    expect_step_fails(PYTRAMP_GROW_MEMFD, "memfd: mmap(PROT_EXEC): Operation not permitted");
    expect_growth_by(PYTRAMP_GROW_MREMAP);
    finish("no PROT_EXEC: mremap works");
}

static void test_no_mremap(void) {
    DENY({SYS_mremap, 0, 0});
    expect_step_fails(PYTRAMP_GROW_MREMAP, "mremap: mremap");
    expect_step_works(PYTRAMP_GROW_FILE);
    expect_step_works(PYTRAMP_GROW_MEMFD);
    finish("no mremap: the file and memfd work");
}

static void test_no_growth_at_all(void) {
    void *code;
    pytramp_set_late_call_hook(count_report);
    CHECK_OK(pytramp_reserve(20000));
    CHECK_OK(pytramp_set_growth(7));
    CHECK_OK(new_numbered(&code, 1)); /* its type: musl's malloc maps memory */
    CHECK_OK(pytramp_closure_free(code));
    DENY({SYS_mremap, 0, 0}, {MAPPING, 0, 0}, {SYS_mprotect, 0, 0}, OPENING_FILES);
    CHECK(stats().untouched >= 20000, "what was reserved is there");
    for (int i = 0; i < 50000; i++) {
        CHECK_OK(new_numbered(&code, i + 1));
        CHECK(call_int(code) == i + 1, "closure %d", i);
        CHECK_OK(pytramp_closure_free(code));
        CHECK(call_int(code) == -i - 1, "closure %d after it was freed", i);
    }
    size_t wanted = stats().untouched + 1;
    pytramp_status status = pytramp_reserve(wanted);
    CHECK(status == PYTRAMP_E_NO_MEMORY || status == PYTRAMP_E_NO_CODE, "%d", (int)status);
    for (int i = 0; i < 10000; i++)
        CHECK_OK(new_numbered(&code, i + 1));
    say("no mapping at all: reserve and the built-in pool serve on");
    _exit(0);
}

/* For valgrind, qemu-user and the like, which know less of mremap than Linux does. */
static void test_any(void) {
    for (int i = 0; i < 3; i++) {
        CHECK_OK(grow());
        use_up();
    }
    pytramp_statistics all = stats();
    CHECK(all.memory_pairs == (PT_DESCRIPTORS ? 3 : 0), "%zu by plain memory", all.memory_pairs);
    say("any step: %zu pairs by mremap, %zu by the file", all.mremap_pairs, all.file_pairs);
}

static const struct test tests[] = {
    {"mremap", test_mremap},
    {"file", test_file},
    {"memfd", test_memfd},
    {"no_reasons", test_no_reasons},
    {"default", test_default},
    {"try", test_try},
    {"set", test_set},
    {"environment", test_environment},
    {"order", test_order},
    {"not_allowed", test_not_allowed},
    {"deleted", test_deleted},
    {"replaced_by_copy", test_replaced_by_copy},
    {"replaced_by_build", test_replaced_by_build},
    {"replaced_by_shorter", test_replaced_by_shorter},
    {"replaced_without_note", test_replaced_without_note},
    {"replaced_by_pipe", test_replaced_by_pipe},
    {"replaced_by_folder", test_replaced_by_folder},
    {"put_back", test_put_back},
    {"anonymous_text", test_anonymous_text},
    {"cancelled", test_cancelled},
    {"mdwe", test_mdwe},
    {"chroot", test_chroot},
    {"no_proc", test_no_proc},
    {"never_proc", test_never_proc},
    {"without_proc", test_without_proc},
    {"no_open", test_no_open},
    {"no_memfd", test_no_memfd},
    {"no_exec", test_no_exec},
    {"no_mremap", test_no_mremap},
    {"no_growth_at_all", test_no_growth_at_all},
    {"any", test_any},
};

__attribute__((visibility("default"))) int main(int argc, char **argv) {
    CHECK(argc > 2, "which test, and what file is this module?");
    if (PT_DESCRIPTORS && strcmp(argv[1], "any")) skip("functions are data: no code is copied");
    own_file = argv[2];
    other_file = argv[3];
    return run_tests(tests, COUNT(tests), argv);
}
