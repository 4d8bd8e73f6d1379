"""C declarations as text -> types, and what a header declares. pycparser reads C.

In the order of reading:

- `tokens`, `brackets`: the text as tokens, what `#` lines say, brackets that belong together;
  `words`: the words of C and of compilers that are no types.
- `outline`: what cannot stand in one declaration without a header.
- `rewrite`: the token pass, which makes of tokens what pycparser can read; `grammar`: pycparser.
- `reading`: text, scope and pycparser's answer, and the messages about what is wrong. On it
  stand, each on the one before, `expressions`, `attributes`, `specifiers`, `declarators`, `members`
  and `header`: they turn pycparser's nodes into the types of `model`, with the names of `scope`.
- `constants`: expressions; `spell`: types as text; `types`: types as signatures hold them.
- `records`, `fields`: structs as ctypes classes; `namespace`, `macros`, `expansion`: what cdef()
  returns; `preprocess`: the compiler's preprocessor.

pytramp.declare and pytramp._cdef are the front doors.
"""
