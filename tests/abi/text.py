"""Types, callers and callees as C text."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

from abi.model import VA_LIST, Aggregate, Member, Scalar, Signature, Type

# ---- Types ----


def _member(i: int, m: Member, names: str) -> str:
    array = f"[{m.count}]" if m.count else ""
    bits = f" : {m.bits}" if m.is_bits else ""
    name = f"m{i}" if m.named else f"{names}{i}" if names and m.bits else ""
    attribute = f" __attribute__((aligned({m.aligned})))" if m.aligned else ""
    return f"    {m.type.spelling} {name}{array}{bits}{attribute};"


def definition(a: Aggregate, *, names: str = "") -> list[str]:
    """a's. With names, unnamed bit-fields get some that begin so, and a a name that ends so."""
    lines = [f"#pragma pack(push, {a.pack})"] if a.pack and not a.packed else []
    lines.append(a.spelling + (f"_{names}" if names else "") + " {")
    lines += [_member(i, m, names) for i, m in enumerate(a.members)]
    attributes = [f"aligned({a.aligned})"] if a.aligned else []
    attributes += ["packed"] if a.packed else []
    attribute = f" __attribute__(({', '.join(attributes)}))" if attributes else ""
    lines.append("}" + attribute + ";")
    if a.pack and not a.packed:
        lines.append("#pragma pack(pop)")
    return lines


def spell(kind: Type | None) -> str:
    return kind.spelling if kind else "void"


def literal(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _bits(a: Aggregate) -> Iterator[str]:
    """Functions that set one bit-field to all ones; unnamed ones in a twin that names them, where
    all are at the same bits."""
    fields = []
    if any(m.is_unnamed for m in a.members):
        yield from definition(a, names="u")
    for i, m in enumerate(a.members):
        if not m.bits:
            continue
        spelling, name = (a.spelling, f"m{i}") if m.named else (a.spelling + "_u", f"u{i}")
        yield f"static void set_{a.shape}_{i}(void *to) {{"
        yield f"    (({spelling} *)to)->{name} = ({m.type.spelling})abi_ones;"
        yield "}"
        fields.append(f"{{set_{a.shape}_{i}, {int(m.named)}}}")
    if fields:
        yield f"static const struct field fields_{a.shape}[] = {{{', '.join(fields)}}};"


def _natural(a: Aggregate) -> str:
    """For an attribute of one member, or of the whole: GNU C knows the alignment of a member."""
    if not a.realigned:
        return "0"
    terms = [f"__alignof__((({a.spelling} *)0)->m{i})" for i in range(len(a.members))]
    return functools.reduce(lambda x, y: f"ABI_GREATER({x}, {y})", terms)


def shape(a: Aggregate) -> Iterator[str]:
    """Tables from which harness.c builds the same type."""
    yield from _bits(a)
    entries = []
    for i, m in enumerate(a.members):
        if not m.is_bits:
            count, offset = m.count or 1, f"offsetof({a.spelling}, m{i})"
            entries.append(f"{{&shape_{m.type.shape}, {count}, {offset}, {int(m.count > 0)}}}")
    members = "NULL"
    if entries:
        members = f"members_{a.shape}"
        yield f"static const struct member {members}[] = {{{', '.join(entries)}}};"
    nfields = sum(bool(m.bits) for m in a.members)
    yield (
        f"static struct shape shape_{a.shape} = {{.text = {literal(' '.join(definition(a)))}, "
        f".kind = {'UNION' if a.is_union else 'STRUCT'}, .size = sizeof({a.spelling}), "
        f".alignment = _Alignof({a.spelling}), .nmembers = {len(entries)}, .members = {members}, "
        f".nfields = {nfields}, .fields = {f'fields_{a.shape}' if nfields else 'NULL'}, "
        f".pack = {a.pack}, .natural = {_natural(a)}, .layout = {int(a.layout)}, "
        f".only_layout = {int(a.only_layout)}}};"
    )


# ---- Calls ----


def parameters(types: Sequence[str], variadic: bool = False) -> str:
    return ", ".join([*types, *(["..."] if variadic else [])]) or "void"


def is_hidden(result: Type | None) -> bool:
    return isinstance(result, Aggregate) and result.size > 16


def _around(s: Signature, call: str, *, hidden: bool) -> Iterator[str]:
    """The statements of one call. gcc and clang keep k0..k5 in callee-saved registers."""
    n = s.number
    yield "    ABI_KEEP"
    if s.result is None:
        yield f"    {call};"
    elif hidden:
        yield f"    abi_hidden = {call};"
    else:
        yield f"    {s.result.spelling} result = {call};"
        yield f"    result_{n}.value = result;"
        if isinstance(s.result, Scalar) and s.result.kind == "integer" and s.result.size < 8:
            yield f"    ABI_WIDENED({s.result.spelling}, result, result_{n}.value)"
    yield "    ABI_KEPT"


def _caller(
    s: Signature, name: str, call: str, extra: Sequence[str], hidden: bool
) -> Iterator[str]:
    """A function that makes one call; through a variadic one where it has to pass a va_list."""
    head = "static ABI_NOINLINE void"
    if VA_LIST not in s.arguments:
        yield f"{head} {name}(void (*code)(void)) {{"
        yield from _around(s, call, hidden=hidden)
        yield "}"
        return
    yield f"{head} list_{name}(void (*code)(void), ...) {{"
    yield "    va_list list;"
    yield "    va_start(list, code);"
    yield from _around(s, call, hidden=hidden)
    yield "    va_end(list);"
    yield "}"
    yield f"{head} {name}(void (*code)(void)) {{"
    yield f"    list_{name}({', '.join(['code', *extra])});"
    yield "}"


def _call(s: Signature, result: str, types: list[str], values: list[str], extra: list[str]) -> str:
    code_type = f"{result} (ABI_CALL_{s.convention} *)({parameters(types, s.variadic)})"
    return f"(({code_type})code)({', '.join(values + (extra if s.variadic else []))})"


def plain(s: Signature) -> Iterator[str]:
    """A caller through the real type."""
    types = [a.spelling for a in s.arguments]
    values = [
        "list" if a == VA_LIST else f"values_{s.number}.a{i}" for i, a in enumerate(s.arguments)
    ]
    extra = [f"values_{s.number}.x{i}" for i in range(len(s.extra))]
    call = _call(s, spell(s.result), types, values, extra)
    yield from _caller(s, f"plain_{s.number}", call, extra, False)


def _is_narrow(kind: Type) -> bool:
    return isinstance(kind, Scalar) and kind.size < 8


def _wide(kind: Type, index: int) -> tuple[str, str]:
    """How a narrow value is passed with garbage above it."""
    integer = isinstance(kind, Scalar) and kind.kind == "integer"
    name = "word" if integer else "real"
    return "unsigned long long" if integer else "double", f"abi_wide[{index}].{name}"


def dirty(s: Signature) -> Iterator[str]:
    """Like plain, but narrow values have garbage above them and the hidden pointer is passed."""
    types, values = [], []
    result = spell(s.result)
    if is_hidden(s.result):
        result = "void *"
        types.append("void *")
        values.append(f"&result_{s.number}.value")
    for i, a in enumerate(s.arguments):
        kind, value = a.spelling, f"values_{s.number}.a{i}"
        if a == VA_LIST:
            value = "list"
        elif _is_narrow(a):
            kind, value = _wide(a, i)
        types.append(kind)
        values.append(value)
    extra = [
        _wide(a, len(s.arguments) + i)[1] if _is_narrow(a) else f"values_{s.number}.x{i}"
        for i, a in enumerate(s.extra)
    ]
    call = _call(s, result, types, values, extra)
    yield from _caller(s, f"dirty_{s.number}", call, extra, is_hidden(s.result))


def has_dirty(s: Signature) -> bool:
    return is_hidden(s.result) or any(_is_narrow(kind) for _, kind in s.values)


# ---- What stands where "..." or a va_list does ----


def values(s: Signature) -> str:
    members = [f"{kind.spelling} {name};" for name, kind in s.values] or ["char none;"]
    return f"struct values_{s.number} {{ {' '.join(members)} }};"


def reader(s: Signature, name: str, *, port: bool) -> Iterator[str]:
    """Reads the extra values with va_arg; with port and when asked to, the aggregates without."""
    yield f"void {name}(va_list *list, void *to, int port);"
    yield f"void {name}(va_list *list, void *to, int port) {{"
    yield f"    struct values_{s.number} *values = to;"
    for i, kind in enumerate(s.extra):
        read = f"values->x{i} = va_arg(*list, {kind.spelling});"
        if port and isinstance(kind, Aggregate):
            yield f"    if (port) abi_take(list, &shape_{kind.shape}, &values->x{i});"
            yield f"    else {read}"
        else:
            yield f"    {read}"
    yield "    (void)list, (void)values, (void)port;"
    yield "}"


# ---- The functions themselves, compiled: the control experiment ----


def declaration(s: Signature) -> str:
    types = [f"{a.spelling} a{i}" for i, a in enumerate(s.arguments)]
    head = f"{spell(s.result)} ABI_CALL_{s.convention} peer_{s.number}"
    return f"{head}({parameters(types, s.variadic)})"


def callee(s: Signature, at: int) -> Iterator[str]:
    if s.extra:
        yield values(s)
        yield from reader(s, f"read_{s.number}", port=False)
    yield declaration(s) + " {"
    pointers = ["&list" if a == VA_LIST else f"&a{i}" for i, a in enumerate(s.arguments)]
    if s.variadic:
        yield f"    va_list list;\n    va_start(list, a{len(s.arguments) - 1});"
        pointers.append("&list")
    elif s.list_at is not None:
        yield f"    va_list list;\n    va_copy(list, a{s.list_at});"
    yield f"    void *args[] = {{{', '.join(f'(void *){p}' for p in pointers) or 'NULL'}}};"
    if s.result:
        yield f"    {s.result.spelling} result;"
    yield f"    abi_handle(NULL, {'&result' if s.result else 'NULL'}, args, &abi_tests[{at}]);"
    if "&list" in pointers:
        yield "    va_end(list);"
    if s.result:
        yield "    return result;"
    yield "}"


def in_words(s: Signature) -> str:
    """For reports."""
    lines = [line for a in s.aggregates for line in definition(a)]
    types = parameters([a.spelling for a in s.arguments], s.variadic)
    lines.append(f"{spell(s.result)} f({types});  /* {s.convention}, where there is that */")
    if s.extra:
        lines.append(f"/* ...: {parameters([a.spelling for a in s.extra])} */")
    return "\n".join(lines)
