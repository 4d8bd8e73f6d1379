/*
 * X.exe WORDS...: runs the Linux program X.linux beside it.
 *
 * wine starts Linux programs, but it says neither when they end nor how. So this one is told a name
 * for files that it makes: NAME.out, NAME.err, and at last NAME.status.
 */
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>
#include <windows.h>

enum { LONGEST = 32768 }; // of what Windows calls a command line

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "launcher: %s: error %lu\n", what, GetLastError());
    exit(127);
}

/* The command line behind the program's name. */
static const wchar_t *own_words(void) {
    const wchar_t *line = GetCommandLineW();
    const wchar_t *end = *line == L'"' ? wcschr(line + 1, L'"') + 1 : line + wcscspn(line, L" ");
    return end;
}

static void start(const wchar_t *name) {
    static wchar_t program[MAX_PATH], line[LONGEST];
    STARTUPINFOW startup = {.cb = sizeof startup};
    PROCESS_INFORMATION process;
    GetModuleFileNameW(NULL, program, MAX_PATH);
    wcscpy(wcsrchr(program, L'.'), L".linux");
    if (_snwprintf(line, LONGEST, L"\"%ls\" \"%ls\"%ls", program, name, own_words()) < 0)
        fail("too many words");
    if (!CreateProcessW(program, line, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process))
        fail("the Linux program was not started");
}

/* name.ending, opened for reading; D: closing it deletes it. */
static FILE *result(const wchar_t *name, const wchar_t *ending) {
    wchar_t path[MAX_PATH];
    _snwprintf(path, MAX_PATH, L"%ls.%ls", name, ending);
    return _wfopen(path, L"rbD");
}

static void pass_on(const wchar_t *name, const wchar_t *ending, FILE *to) {
    char buffer[4096];
    size_t size;
    FILE *file = result(name, ending);
    if (!file) fail("no output");
    while ((size = fread(buffer, 1, sizeof buffer, file)) > 0)
        fwrite(buffer, 1, size, to);
    fclose(file);
}

static int wait_for_status(const wchar_t *name) {
    FILE *file;
    int status = 0;
    while (!(file = result(name, L"status")))
        Sleep(5);
    if (fscanf(file, "%d", &status) != 1) fail("no status");
    fclose(file);
    return status;
}

int main(void) {
    wchar_t folder[MAX_PATH], name[MAX_PATH];
    int status;
    GetTempPathW(MAX_PATH, folder);
    if (!GetTempFileNameW(folder, L"run", 0, name)) fail("no temporary file");
    start(name);
    status = wait_for_status(name);
    pass_on(name, L"out", stdout);
    pass_on(name, L"err", stderr);
    DeleteFileW(name);
    return status;
}
