/* pytramp.h for other extensions: the table that pytramp_import.h finds in a capsule. */
#define PYTRAMP_API_TABLE /* no more of that header than the table's type */
#include "../include/pytramp_import.h"

#include "objects.h"

#define FUNCTION(name)               .name = pytramp_##name
#define PT_SCALAR(code, symbol, ...) .type_##symbol = &pytramp_type_##symbol,

static const pytramp_api table = {
    .size = sizeof(pytramp_api),
    .major = PYTRAMP_VERSION_MAJOR,
    .minor = PYTRAMP_VERSION_MINOR,
    FUNCTION(status_text),
    FUNCTION(alloc),
    FUNCTION(init),
    FUNCTION(free),
    FUNCTION(retire),
    FUNCTION(data),
    FUNCTION(owns),
    FUNCTION(reserve),
    FUNCTION(set_growth),
    FUNCTION(get_growth),
    FUNCTION(try_growth),
    FUNCTION(growth_error),
    FUNCTION(stats),
    FUNCTION(pool_check),
    .type_void = &pytramp_type_void,
#include "../types.def"
    FUNCTION(type_named),
    FUNCTION(type_spelling),
    FUNCTION(type_size),
    FUNCTION(type_alignment),
    FUNCTION(type_struct),
    FUNCTION(type_union),
    FUNCTION(type_layout),
    FUNCTION(type_layout_ex),
    FUNCTION(type_bits),
    FUNCTION(abi_name),
    FUNCTION(abi_named),
    FUNCTION(signature_new),
    FUNCTION(signature_new_variadic),
    FUNCTION(signature_explain),
    FUNCTION(closure_new),
    FUNCTION(closure_new_ex),
    FUNCTION(closure_free),
    FUNCTION(set_late_call_hook),
};

PyObject *pt_c_api(void) {
    return PyCapsule_New((void *)&table, PYTRAMP_CAPSULE, NULL);
}
