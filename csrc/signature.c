#include "signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port.h"

static const struct pt_abi *const abis[] = {
#define PT_ABI(name) &pt_abi_##name,
#include "abi/list.def"
#undef PT_ABI
};

static const struct pt_abi *abi_of(pytramp_abi code) {
    if (code == PYTRAMP_ABI_DEFAULT) return pt_port.abis[0];
    for (size_t i = 0; i < sizeof abis / sizeof *abis; i++) {
        if (abis[i]->code == code) return abis[i];
    }
    return NULL;
}

const char *pytramp_abi_name(size_t i) {
    if (!i) return "default";
    return i <= sizeof abis / sizeof *abis ? abis[i - 1]->name : NULL;
}

pytramp_status pytramp_abi_named(pytramp_abi *abi, const char *name) {
    if (!abi || !name) return PYTRAMP_E_NULL;
    if (!strcmp(name, "default")) {
        *abi = PYTRAMP_ABI_DEFAULT;
        return PYTRAMP_OK;
    }
    for (size_t i = 0; i < sizeof abis / sizeof *abis; i++) {
        if (strcmp(abis[i]->name, name)) continue;
        *abi = abis[i]->code;
        return PYTRAMP_OK;
    }
    return PYTRAMP_E_ABI;
}

/* ---- Interning ---- */

static pt_set signatures;

static const pytramp_signature *signature_of(const struct pt_node *node) {
    return (const pytramp_signature *)node;
}

/* What two signatures are compared by. */
struct key {
    const struct pt_abi *abi;
    struct pt_prototype prototype;
    uint32_t hash;
};

static uint32_t hash_of(const struct key *key) {
    const struct pt_prototype *wanted = &key->prototype;
    uint32_t hash = pt_hash_word(PT_HASH_SEED, (uintptr_t)key->abi);
    hash = pt_hash_word(pt_hash_word(hash, (uintptr_t)wanted->result), (uint64_t)wanted->variadic);
    for (size_t i = 0; i < wanted->nargs; i++)
        hash = pt_hash_word(hash, (uintptr_t)wanted->args[i]);
    return hash;
}

static int is_of(const struct pt_node *node, const void *data) {
    const pytramp_signature *signature = signature_of(node);
    const struct key *key = data;
    const struct pt_prototype *wanted = &key->prototype;
    size_t size = wanted->nargs * sizeof *wanted->args;
    return signature->abi == key->abi && signature->result == wanted->result &&
           signature->nargs == wanted->nargs && signature->variadic == wanted->variadic &&
           (!size || !memcmp(signature->args, wanted->args, size));
}

/* ---- Making ---- */

/* The prototype with the types that its own machines have; types has room for all of them. */
static pytramp_status translate(const struct pt_abi *abi, struct pt_prototype *prototype,
                                const pytramp_type **types) {
    pytramp_status status = pt_model_type(&abi->model, prototype->result, &prototype->result);
    for (size_t i = 0; i < prototype->nargs && !status; i++)
        status = pt_model_type(&abi->model, prototype->args[i], &types[i]);
    prototype->args = types;
    return status;
}

static pytramp_status classify(pytramp_signature *made, struct pt_location *at) {
    struct pt_prototype prototype = {made->result, made->nargs, made->args, made->variadic};
    const pytramp_type **types = NULL;
    pytramp_status status = PYTRAMP_OK;
    if (!pt_port_of(made->abi)) {
        types = malloc((made->nargs + 1) * sizeof(const pytramp_type *));
        status = types ? translate(made->abi, &prototype, types) : PYTRAMP_E_NO_MEMORY;
    }
    if (!status) status = made->abi->classify(&prototype, &made->result_at, at, &made->stack_size);
    free(types);
    return status;
}

static void discard(pytramp_signature *made, struct pt_location *at) {
    free(at);
    free(made);
}

static pytramp_status make(const pytramp_signature **out, const struct key *key) {
    const struct pt_prototype *wanted = &key->prototype;
    size_t nargs = wanted->nargs;
    if (nargs > INT32_MAX / sizeof(struct pt_location)) return PYTRAMP_E_TOO_LARGE;
    pytramp_signature *made = calloc(1, sizeof *made + nargs * sizeof *wanted->args);
    struct pt_location *at = calloc(nargs ? nargs : 1, sizeof *at);
    pytramp_status status = PYTRAMP_E_NO_MEMORY;
    if (!made || !at) goto fail;
    made->abi = key->abi;
    made->result = wanted->result;
    made->nargs = nargs;
    made->variadic = wanted->variadic;
    made->at = at;
    if (nargs) memcpy(made->args, wanted->args, nargs * sizeof *wanted->args);
    status = classify(made, at);
    if (status) goto fail;
    *out = signature_of(pt_intern(&signatures, &made->node, key->hash, is_of, key));
    if (*out != made) discard(made, at);
    return PYTRAMP_OK;
fail:
    discard(made, at);
    return status;
}

static pytramp_status intern(const pytramp_signature **signature, pytramp_abi code,
                             struct pt_prototype wanted) {
    if (!signature || !wanted.result || (wanted.nargs && !wanted.args)) return PYTRAMP_E_NULL;
    for (size_t i = 0; i < wanted.nargs; i++) {
        if (!wanted.args[i]) return PYTRAMP_E_NULL;
        if (wanted.args[i]->code == PT_TYPE_BITS) return PYTRAMP_E_TYPE;
    }
    if (wanted.result->code == PT_TYPE_BITS) return PYTRAMP_E_TYPE;
    struct key key = {abi_of(code), wanted, 0};
    if (!key.abi) return PYTRAMP_E_ABI;
    key.hash = hash_of(&key);
    const struct pt_node *known = pt_interned(&signatures, key.hash, is_of, &key);
    if (!known) return make(signature, &key);
    *signature = signature_of(known);
    return PYTRAMP_OK;
}

pytramp_status pytramp_signature_new(const pytramp_signature **signature, pytramp_abi abi,
                                     const pytramp_type *result, size_t nargs,
                                     const pytramp_type *const *args) {
    return intern(signature, abi, (struct pt_prototype){result, nargs, args, 0});
}

pytramp_status pytramp_signature_new_variadic(const pytramp_signature **signature, pytramp_abi abi,
                                              const pytramp_type *result, size_t nargs,
                                              const pytramp_type *const *args) {
    if (!nargs) return PYTRAMP_E_TYPE;
    return intern(signature, abi, (struct pt_prototype){result, nargs, args, 1});
}

/* ---- Explaining ---- */

pytramp_status pytramp_signature_explain(const pytramp_signature *signature, size_t i,
                                         pytramp_place places[PYTRAMP_MAX_PLACES], size_t *n,
                                         int *by_reference) {
    if (!signature || !places || !n || !by_reference) return PYTRAMP_E_NULL;
    if (i != PYTRAMP_RESULT && i >= signature->nargs) return PYTRAMP_E_INVALID;
    int is_result = i == PYTRAMP_RESULT;
    const struct pt_location *at = is_result ? &signature->result_at : &signature->at[i];
    *n = at->nparts;
    *by_reference = at->by_reference;
    for (size_t k = 0; k < at->nparts; k++) {
        const struct pt_part *part = &at->parts[k];
        /* The address for a result in memory arrives as an argument does. */
        const char *name = signature->abi->register_name(part, is_result && !at->by_reference);
        places[k] = (pytramp_place){name, part->offset, part->size, part->stack};
    }
    return PYTRAMP_OK;
}

struct writer {
    char *text;
    size_t size, length;
};

static void write(struct writer *to, const char *what) {
    size_t n = strlen(what);
    for (size_t i = 0; i < n; i++, to->length++) {
        if (to->length + 1 < to->size) to->text[to->length] = what[i];
    }
}

size_t pt_signature_text(const pytramp_signature *signature, char *text, size_t size) {
    struct writer to = {text, size, 0};
    write(&to, signature->result->spelling);
    write(&to, " (");
    for (size_t i = 0; i < signature->nargs; i++) {
        if (i) write(&to, ", ");
        write(&to, signature->args[i]->spelling);
    }
    write(&to, signature->variadic ? ", ...)" : signature->nargs ? ")" : "void)");
    if (size) text[to.length < size ? to.length : size - 1] = 0;
    return to.length;
}
