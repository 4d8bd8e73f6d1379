/* Growth on Windows, each test in a process of its own: views of the module's image, what is said
 * when there can be none, and what is left behind.
 *
 *     growth_windows [test]
 *
 * It runs as a program, and as a DLL in loader_windows.c. Tests rename the module's file and put
 * others in its place: give them a copy. */
#include "check.h"

#include "support.h"

/* ---- Growing and calling ---- */

static pytramp_status grow(void) {
    return pytramp_reserve(stats().untouched + 1);
}

static void *codes[8 * UNIT_CLOSURES];
static int made;

/* Every slot there is. */
static void use_up(void) {
    int n = (int)stats().untouched;
    CHECK((size_t)(made + n) <= COUNT(codes), "%d untouched slots", n);
    for (int i = made; i < made + n; i++)
        CHECK_OK(new_numbered(&codes[i], i + 1));
    for (int i = made; i < made + n; i++)
        CHECK(call_int(codes[i]) == i + 1, "closure %d", i + 1);
    made += n;
}

static void expect_growth(void) {
    pytramp_statistics before = stats();
    use_up();
    CHECK_OK(grow());
    CHECK(stats().file_pairs == before.file_pairs + 1, "%zu views", stats().file_pairs);
    CHECK(stats().capacity == before.capacity + UNIT_CLOSURES, "capacity %zu", stats().capacity);
    use_up();
}

/* It fails, says so, and leaves everything as it was. */
static void expect_no_growth(const char *reason) {
    char text[500] = "";
    void *code = &code;
    size_t capacity = stats().capacity;
    struct maps before = check_maps(0);
    use_up();
    SetLastError(4321);
    CHECK_STATUS(new_numbered(&code, 1), PYTRAMP_E_NO_CODE);
    CHECK(GetLastError() == 4321, "GetLastError became %lu", GetLastError());
    CHECK(code == (void *)&code && stats().capacity == capacity, "something changed");
    pytramp_growth_error(text, sizeof text);
    CHECK(strstr(text, reason), "'%s' is not in '%s'", reason, text);
    CHECK(check_maps(0).executable == before.executable, "a view was left");
    say("no growth: %s", text);
}

/* ---- Views ---- */

static void test_views(void) {
    pytramp_set_late_call_hook(count_report);
    SetLastError(4321);
    errno = 1234;
    for (int i = 0; i < 4; i++)
        expect_growth();
    CHECK(GetLastError() == 4321 && errno == 1234, "GetLastError or errno changed");
    check_maps(0);
    for (int i = 0; i < made; i++) {
        CHECK(call_int(codes[i]) == i + 1, "closure %d", i + 1);
        CHECK_OK(pytramp_closure_free(codes[i]));
    }
    say("4 views of the module, %d closures, each with a slot of its own", made);
}

/* What a view holds besides stubs and slots is not used: it may have any value. */
static void test_own_data(void) {
    MEMORY_BASIC_INFORMATION region;
    static int variable = 1;
    expect_growth();
    CHECK(VirtualQuery(codes[made - 1], &region, sizeof region), "error %lu", GetLastError());
    HMODULE module = GetModuleHandleA(NULL);
    GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS |
                           GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                       (const char *)&variable, &module);
    int *copy = (int *)(void *)((unsigned char *)region.AllocationBase +
                                ((unsigned char *)&variable - (unsigned char *)module));
    variable = 2;
    CHECK(*copy == 1, "the view's variable is %d", *copy);
    *copy = 3;
    CHECK(variable == 2, "the module's variable became %d", variable);
    say("a view's data is its own");
}

static void test_tries_leave_nothing(void) {
    char text[100] = "untouched";
    struct maps before = check_maps(0);
    for (int i = 0; i < 50; i++)
        CHECK(!pytramp_try_growth(PYTRAMP_GROW_FILE, text, sizeof text), "%s", text);
    struct maps after = check_maps(0);
    CHECK(after.lines <= before.lines + 1, "%u regions more", after.lines - before.lines);
    CHECK(!strcmp(text, "untouched"), "'%s'", text);
    CHECK_STATUS(pytramp_try_growth(PYTRAMP_GROW_MREMAP, text, sizeof text), PYTRAMP_E_NO_CODE);
    CHECK(!strcmp(text, "mremap: not on this system"), "'%s'", text);
    CHECK_STATUS(pytramp_try_growth(PYTRAMP_GROW_MEMFD, NULL, 0), PYTRAMP_E_NO_CODE);
    CHECK_STATUS(pytramp_try_growth(64, NULL, 0), PYTRAMP_E_INVALID);
    say("50 tries: nothing is left mapped");
}

static void test_forbidden(void) {
    CHECK_OK(pytramp_set_growth(0));
    expect_no_growth("not allowed");
    CHECK_OK(pytramp_set_growth(PYTRAMP_GROW_MREMAP | PYTRAMP_GROW_MEMFD));
    CHECK(pytramp_get_growth() == 0, "allowed: %u", pytramp_get_growth());
    expect_no_growth("not allowed");
    CHECK_OK(pytramp_set_growth(PYTRAMP_GROW_DEFAULT));
    CHECK(pytramp_get_growth() == PYTRAMP_GROW_FILE, "allowed: %u", pytramp_get_growth());
    expect_growth();
}

/* ---- The file is another one ---- */

static wchar_t own_path[4096], moved_path[4100];

/* Files that are in use can be renamed, not deleted. */
static void move_away(void) {
    HMODULE module;
    DWORD flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS;
    CHECK(GetModuleHandleExW(flags, (const wchar_t *)(uintptr_t)move_away, &module), "no module");
    CHECK(GetModuleFileNameW(module, own_path, COUNT(own_path)), "error %lu", GetLastError());
    swprintf(moved_path, COUNT(moved_path), L"%ls~%lu", own_path, GetCurrentProcessId());
    CHECK(MoveFileW(own_path, moved_path), "error %lu", GetLastError());
}

static void move_back(void) {
    DeleteFileW(own_path);
    CHECK(MoveFileW(moved_path, own_path), "error %lu", GetLastError());
}

static void put_there(const void *bytes, size_t size) {
    FILE *file = _wfopen(own_path, L"wb");
    CHECK(file && fwrite(bytes, 1, size, file) == size, "%s", strerror(errno));
    fclose(file);
}

static void test_missing(void) {
    move_away();
    expect_no_growth("No such file");
    move_back();
    expect_growth();
}

static void test_replaced_by_garbage(void) {
    static unsigned char garbage[100000];
    memset(garbage, 'M', sizeof garbage);
    move_away();
    put_there(garbage, sizeof garbage);
    expect_no_growth("CreateFileMapping(SEC_IMAGE)");
    move_back();
}

/* An image, but not this one: one of the system's. */
static void test_replaced_by_another(void) {
    wchar_t other[MAX_PATH];
    CHECK(GetModuleFileNameW(GetModuleHandleA("kernel32.dll"), other, MAX_PATH), "no path");
    move_away();
    CHECK(CopyFileW(other, own_path, TRUE), "error %lu", GetLastError());
    expect_no_growth("replaced");
    move_back();
}

/* The same with one instruction changed. */
static void test_replaced_by_similar(void) {
    move_away();
    FILE *file = _wfopen(moved_path, L"rb");
    static unsigned char bytes[8 << 20];
    CHECK(file, "%s", strerror(errno));
    size_t n = fread(bytes, 1, sizeof bytes, file), at = 0, last = PT_UNIT - PT_STUB_SIZE;
    fclose(file);
    while (at + PT_UNIT <= n && memcmp(bytes + at, pt_builtin_code, PT_UNIT))
        at++;
    CHECK(at + PT_UNIT <= n, "the stubs are not in the file");
    bytes[at + last + 1] ^= 1;
    put_there(bytes, n);
    expect_no_growth("differ");
    move_back();
}

static void test_replaced_by_copy(void) {
    move_away();
    CHECK(CopyFileW(moved_path, own_path, TRUE), "error %lu", GetLastError());
    expect_growth();
    say("replaced by a copy: it serves as well");
}

static const struct test tests[] = {
    {"views", test_views},
    {"own_data", test_own_data},
    {"tries_leave_nothing", test_tries_leave_nothing},
    {"forbidden", test_forbidden},
    {"missing", test_missing},
    {"replaced_by_garbage", test_replaced_by_garbage},
    {"replaced_by_another", test_replaced_by_another},
    {"replaced_by_similar", test_replaced_by_similar},
    {"replaced_by_copy", test_replaced_by_copy},
};

__declspec(dllexport) int main(int argc, char **argv) {
    (void)argc;
    return run_tests(tests, COUNT(tests), argv);
}
