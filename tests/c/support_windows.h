/* The same of Windows, where nothing forks. A part of support.h. */
#ifndef SUPPORT_WINDOWS_H
#define SUPPORT_WINDOWS_H

/* Frees wait in a list per CPU, so exact counts ask for one CPU. */
__attribute__((unused)) static void stay_on_one_cpu(void) {
    DWORD_PTR one = (DWORD_PTR)1 << GetCurrentProcessorNumber();
    CHECK(SetThreadAffinityMask(GetCurrentThread(), one), "error %lu", GetLastError());
    while (!((DWORD_PTR)1 << GetCurrentProcessorNumber() & one))
        Sleep(1);
}

/* A main: the test with the name argv[1]; without one all of them, each in a process of its own,
 * whose pool nobody has used before. */
__attribute__((unused)) static int run_tests(const struct test *tests, size_t n, char **argv) {
    if (argv[1]) return run_named(tests, n, argv[1]);
    for (size_t i = 0; i < n; i++) {
        char name[100];
        CHECK((size_t)snprintf(name, sizeof name, "\"%s\"", tests[i].name) < sizeof name, "short");
        fflush(stdout);
        intptr_t status = _spawnl(_P_WAIT, argv[0], "test", name, NULL);
        CHECK(!status, "'%s' ended with %d", tests[i].name, (int)status);
    }
    return 0;
}

/* ---- Memory maps ---- */

struct maps {
    unsigned lines, executable, memfd;
};

/* Checks that nothing is writable and executable, and that what is executable is an image's. */
__attribute__((unused)) static struct maps check_maps(unsigned long unused) {
    const DWORD executable = PAGE_EXECUTE | PAGE_EXECUTE_READ,
                both = PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
    struct maps maps = {0, 0, 0};
    MEMORY_BASIC_INFORMATION region;
    (void)unused;
    for (unsigned char *at = NULL; VirtualQuery(at, &region, sizeof region);
         at = (unsigned char *)region.BaseAddress + region.RegionSize) {
        if (region.State != MEM_COMMIT) continue;
        maps.lines++;
        if (!(region.Protect & (executable | both))) continue;
        maps.executable++;
        CHECK(!(region.Protect & both), "writable and executable: %p", region.BaseAddress);
        CHECK(region.Type == MEM_IMAGE, "executable and no image: %p", region.BaseAddress);
    }
    return maps;
}

#endif
