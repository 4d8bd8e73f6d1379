# cython: language_level=3
# The C API for Cython: `from pytramp cimport pytramp_import, pytramp_closure_new, ...`. pytramp.h and
# pytramp_import.h say what each does, pytramp.get_include() where they are. The module calls
# pytramp_import() before anything else. Handlers are `noexcept nogil`, or `noexcept with gil`.

cdef extern from "pytramp_import.h":
    int pytramp_import() except -1
    object pytramp_from_callable(object callable, const char *declaration)
    object pytramp_adopt(void *code, const char *declaration)
    void *pytramp_address_of(object closure) except NULL

cdef extern from "pytramp_import.h" nogil:
    enum:
        PYTRAMP_VERSION_MAJOR
        PYTRAMP_VERSION_MINOR

    ctypedef enum pytramp_status:
        PYTRAMP_OK
        PYTRAMP_E_NULL
        PYTRAMP_E_NO_MEMORY
        PYTRAMP_E_NO_CODE
        PYTRAMP_E_BUSY
        PYTRAMP_E_FULL
        PYTRAMP_E_NOT_OURS
        PYTRAMP_E_FREED
        PYTRAMP_E_KIND
        PYTRAMP_E_TYPE
        PYTRAMP_E_ABI
        PYTRAMP_E_TOO_LARGE
        PYTRAMP_E_CORRUPT
        PYTRAMP_E_INVALID

    const char *pytramp_status_text(pytramp_status status)

    # Trampolines
    pytramp_status pytramp_alloc(void **code)
    pytramp_status pytramp_init(void *code, void (*target)(), void *data)
    pytramp_status pytramp_free(void *code)
    pytramp_status pytramp_retire(void *code, void (*target)(), void *data)
    void *pytramp_data(const void *code)
    int pytramp_owns(const void *code)
    pytramp_status pytramp_reserve(size_t closures)

    # Growth
    enum:
        PYTRAMP_GROW_MREMAP
        PYTRAMP_GROW_FILE
        PYTRAMP_GROW_MEMFD
        PYTRAMP_GROW_MEMORY
        PYTRAMP_GROW_DEFAULT

    pytramp_status pytramp_set_growth(unsigned steps)
    unsigned pytramp_get_growth()
    pytramp_status pytramp_try_growth(unsigned step, char *text, size_t size)
    size_t pytramp_growth_error(char *text, size_t size)

    ctypedef struct pytramp_statistics:
        size_t size
        size_t capacity
        size_t builtin
        size_t live
        size_t quarantined
        size_t reusable
        size_t untouched
        size_t mremap_pairs
        size_t file_pairs
        size_t memfd_pairs
        size_t memory_pairs
        size_t late_calls

    pytramp_status pytramp_stats(pytramp_statistics *statistics)
    pytramp_status pytramp_pool_check(char *text, size_t size)

    # Types
    ctypedef struct pytramp_type:
        pass

    const pytramp_type pytramp_type_void
    const pytramp_type pytramp_type_bool
    const pytramp_type pytramp_type_char
    const pytramp_type pytramp_type_schar
    const pytramp_type pytramp_type_uchar
    const pytramp_type pytramp_type_short
    const pytramp_type pytramp_type_ushort
    const pytramp_type pytramp_type_int
    const pytramp_type pytramp_type_uint
    const pytramp_type pytramp_type_long
    const pytramp_type pytramp_type_ulong
    const pytramp_type pytramp_type_longlong
    const pytramp_type pytramp_type_ulonglong
    const pytramp_type pytramp_type_int128
    const pytramp_type pytramp_type_uint128
    const pytramp_type pytramp_type_wchar
    const pytramp_type pytramp_type_char16
    const pytramp_type pytramp_type_char32
    const pytramp_type pytramp_type_float16
    const pytramp_type pytramp_type_float
    const pytramp_type pytramp_type_double
    const pytramp_type pytramp_type_longdouble
    const pytramp_type pytramp_type_complex_float
    const pytramp_type pytramp_type_complex_double
    const pytramp_type pytramp_type_complex_longdouble
    const pytramp_type pytramp_type_pointer

    const pytramp_type *pytramp_type_named(const char *spelling)
    const char *pytramp_type_spelling(const pytramp_type *type)
    size_t pytramp_type_size(const pytramp_type *type)
    size_t pytramp_type_alignment(const pytramp_type *type)

    ctypedef struct pytramp_member:
        const pytramp_type *type
        size_t count
        size_t offset

    size_t PYTRAMP_ARRAY_OF_ONE

    pytramp_status pytramp_type_struct(const pytramp_type **type, size_t nmembers,
                                       const pytramp_member *members, size_t pack)
    pytramp_status pytramp_type_union(const pytramp_type **type, size_t nmembers,
                                      const pytramp_member *members, size_t pack)
    pytramp_status pytramp_type_layout(const pytramp_type **type, size_t size, size_t alignment,
                                       size_t nmembers, const pytramp_member *members)

    ctypedef struct pytramp_layout:
        size_t struct_size
        size_t size
        size_t alignment
        size_t natural
        int is_union
        size_t nmembers
        const pytramp_member *members

    pytramp_status pytramp_type_layout_ex(const pytramp_type **type, const pytramp_layout *layout)
    const pytramp_type *pytramp_type_bits(size_t n)

    # Signatures
    ctypedef enum pytramp_abi:
        PYTRAMP_ABI_DEFAULT
        PYTRAMP_ABI_SYSV_X86_64
        PYTRAMP_ABI_WIN64
        PYTRAMP_ABI_CDECL_X86
        PYTRAMP_ABI_STDCALL_X86
        PYTRAMP_ABI_FASTCALL_X86
        PYTRAMP_ABI_THISCALL_X86
        PYTRAMP_ABI_AAPCS64
        PYTRAMP_ABI_AAPCS64_APPLE
        PYTRAMP_ABI_AAPCS64_WINDOWS
        PYTRAMP_ABI_AAPCS32
        PYTRAMP_ABI_RISCV
        PYTRAMP_ABI_ELFV2_PPC64
        PYTRAMP_ABI_ELFV1_PPC64
        PYTRAMP_ABI_S390X
        PYTRAMP_ABI_LOONGARCH
        PYTRAMP_ABI_MIPS_N64

    const char *pytramp_abi_name(size_t i)
    pytramp_status pytramp_abi_named(pytramp_abi *abi, const char *name)

    ctypedef struct pytramp_signature:
        pass

    pytramp_status pytramp_signature_new(const pytramp_signature **signature, pytramp_abi abi,
                                         const pytramp_type *result, size_t nargs,
                                         const pytramp_type *const *args)
    pytramp_status pytramp_signature_new_variadic(const pytramp_signature **signature,
                                                  pytramp_abi abi, const pytramp_type *result,
                                                  size_t nargs, const pytramp_type *const *args)

    ctypedef struct pytramp_place:
        const char *name
        size_t offset
        size_t size
        size_t stack

    enum:
        PYTRAMP_MAX_PLACES

    size_t PYTRAMP_RESULT

    pytramp_status pytramp_signature_explain(const pytramp_signature *signature, size_t i,
                                             pytramp_place *places, size_t *n, int *by_reference)

    # Closures
    ctypedef void (*pytramp_handler)(const pytramp_signature *signature, void *result,
                                     void *const *args, void *userdata) noexcept

    ctypedef struct pytramp_closure_options:
        size_t size
        pytramp_handler handler
        void *userdata
        const char *name
        const void *error
        void (*destroy)(void *userdata) noexcept

    pytramp_status pytramp_closure_new(void **code, const pytramp_signature *signature,
                                       pytramp_handler handler, void *userdata)
    pytramp_status pytramp_closure_new_ex(void **code, const pytramp_signature *signature,
                                          const pytramp_closure_options *options)
    pytramp_status pytramp_closure_free(void *code)

    ctypedef void (*pytramp_late_call_hook)(const void *code, const char *what) noexcept

    void pytramp_set_late_call_hook(pytramp_late_call_hook hook)
