/* More closures than are built in, where the kernel lets no memory become executable, and what is
 * mapped then. ffi_mappings LIBRARY ours|theirs */
#include "check.h"

#include <sys/prctl.h>

#include "ffi_both.h"

#ifndef PR_SET_MDWE /* Linux 6.3 */
#  define PR_SET_MDWE 65
#endif

#define MANY 20000

static void number(ffi_cif *cif, void *result, void **args, void *user_data) {
    (void)cif, (void)args;
    *(ffi_arg *)result = (ffi_arg)(uintptr_t)user_data;
}

static void make_many(const struct implementation *by) {
    static ffi_cif cif;
    static void *codes[MANY], *closures[MANY];
    CHECK(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 0, &ffi_type_sint, NULL) == FFI_OK, "ffi_prep_cif");
    for (uintptr_t i = 0; i < MANY; i++) {
        closures[i] = by->alloc(sizeof(ffi_closure), &codes[i]);
        CHECK(closures[i], "closure %zu", (size_t)i);
        ffi_status status = by->prepare_at(closures[i], &cif, number, (void *)i, codes[i]);
        CHECK(status == FFI_OK, "%d", status);
    }
    for (int i = 0; i < MANY; i++) {
        int (*function)(void);
        memcpy(&function, &codes[i], sizeof function);
        CHECK(function() == i, "closure %d", i);
    }
}

/* Anonymous memory is what has no file, or one that nobody can open. */
static int is_shared_anonymous(const char *flags, const char *path) {
    return flags[3] == 's' && (!*path || strstr(path, "(deleted)"));
}

static int count_bad_mappings(void) {
    char line[512], flags[5];
    int bad = 0, path;
    FILE *maps = fopen("/proc/self/maps", "r");
    CHECK(maps, "no /proc/self/maps");
    while (fgets(line, sizeof line, maps)) {
        line[strcspn(line, "\n")] = 0;
        CHECK(sscanf(line, "%*s %4s %*s %*s %*s %n", flags, &path) == 1, "%s", line);
        int both = flags[1] == 'w' && flags[2] == 'x' && strcmp(line + path, "[stack]");
        if (!both && !is_shared_anonymous(flags, line + path)) continue;
        if (bad++ < 3) say("bad: %s", line);
    }
    fclose(maps);
    return bad;
}

int main(int argc, char **argv) {
    CHECK(argc == 3, "usage: %s LIBRARY ours|theirs", argv[0]);
    load_ours(argv[1]);
    if (prctl(PR_SET_MDWE, 1, 0, 0, 0)) say("no PR_SET_MDWE here");
    make_many(strcmp(argv[2], "ours") ? &theirs : &ours);
    say("%d closures, %d bad mappings", MANY, count_bad_mappings());
    return 0;
}
