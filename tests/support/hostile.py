"""Hostile text for tests of everything that shows, stores or searches what others have said."""

from __future__ import annotations

from typing import Final

CONTROL: Final = (
    "\x1b[31mred\x1b[0m",
    "\x1b[2J\x1b[Hcleared",
    "\x1b]0;title\x07after",
    "\x1b]0;title without an end",
    "\x1b]8;;https://evil.example/\x1b\\a link\x1b]8;;\x1b\\",
    "\x1b]52;c;aGVsbG8=\x07clipboard",
    "\x1bP+q544e\x1b\\dcs",
    "\x1b_apc\x1b\\ \x1b^pm\x1b\\ \x1bXsos\x1b\\",
    "\x9b31mC1\x9b0m \x9d0;title\x9c \x90dcs\x9c",
    "a\x1b",
    "a\x1b[",
    "a\x1b[31",
    "\x1b\x1b[31m\x1b[\x1b]\x1b[0m",
    "\x1b(B\x1b7\x1bc",
    "over\rwritten",
    "back\x08\x08\x08\x08\x7f",
    "bell\x07 null\x00 vt\x0b ff\x0c nel\x85 end",
    "dos\r\nlines\r\n",
)

BIDI: Final = (
    "user\u202e\u2066// check\u2069\u2066",
    "\u202aembedded\u202c \u202boverride\u202c \u202dforced\u202c",
    "file\u202egnp.exe",
)

HTML: Final = (
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "</style><script>alert(1)</script>",
    "</pre></details></body></html><h1>taken over</h1>",
    "--><script>alert(1)</script><!--",
    "<!-- never closed",
    "]]><iframe srcdoc='&lt;script&gt;alert(1)&lt;/script&gt;'>",
    '" onmouseover="alert(1)" x="',
    "' onfocus='alert(1)' autofocus='",
    "<a href=javascript:alert(1)>x</a>",
    "<base href=https://evil.example/><link rel=stylesheet href=x><meta http-equiv=refresh content=0>",
    "&lt;script&gt; &#60;script&#62; &#x3c;script&#x3e; &amp;lt;",
    "<?php system('id') ?> <![CDATA[<b>]]> <!DOCTYPE html>",
    "<<script>script>alert(1)<</script>/script>",
    "{{constructor.constructor('alert(1)')()}} ${7*7} <%= 7*7 %>",
)

MARKDOWN: Final = (
    "# taken over\n## so was this\n### and this",
    "taken over\n===\nagain\n---\n",
    "taken over\n=",
    "taken over\n-",
    "> taken over\n> ===\n\n- x\n  ===",
    "> # quoted\n- # listed\n1. # numbered\n- > 1) # deep",
    "\t# tab\n   # three\n    # four",
    "```\nnever closed",
    "~~~~\nnever closed\n~~~",
    "````\n```\ninner\n```\n````",
    "> ```\n> quoted fence\noutside",
    "- ```\n  listed fence\n# outside",
    "1. ~~~ x\n# outside",
    "    ```\n# not in a fence\n    ```",
    "```html <script>\n</script><script>alert(1)</script>\n```",
    "```a`b\n<script>alert(1)</script>\n```",
    "[x](javascript:alert(1))",
    "[x](  javascript:alert(1))",
    "[x](\njavascript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x](&#106;avascript:alert(1))",
    "[x](java\tscript:alert(1)) [y](JaVaScRiPt:alert(1)) [z](data:text/html,x) [f](file:///etc/passwd)",
    "[x][y]\n\n[y]: javascript:alert(1)",
    "[a`]\n\n[a`]: javascript:alert(1)`",
    "[fo\no]: javascript:alert(1)\n\n[fo o]",
    "[x]:\njavascript:alert(1)\n'title'\n\n[x]",
    "<javascript:alert(1)> <https://evil.example>",
    "![tracker](https://evil.example/pixel.png)",
    "![x][y]\n\n[y]: https://evil.example/pixel.png",
    "[![x](https://evil.example/a.png)](https://evil.example)",
    "\\![x](https://evil.example/pixel.png)",
    "\\\\![x](https://evil.example/pixel.png)",
    "\\<script>alert(1)</script>",
    "\\\\<script>alert(1)</script>",
    "`<script>alert(1)</script>`",
    "`` ` <script>alert(1)</script> ``",
    "\\`<script>alert(1)</script>`",
    "`a\\`<script>alert(1)</script>`",
    "`open\n<script>alert(1)</script>`",
    "| a | b |\n|---|---|\n| `x | <script>alert(1)</script> y` | z |",
    "| a |\n|---|\n| `a|b` `<script>alert(1)</script>` |",
    "a | b\n- | -\n`a|b` `![x](https://evil.example/pixel.png)` | c",
    "[^1]: # footnote\n\n[^1]",
    "---\ntitle: front matter\n---\n",
    "* * *\n___\n***\n",
    "\\input{/etc/passwd} $\\href{javascript:alert(1)}{x}$",
    "```{=html}\n<script>alert(1)</script>\n```",
    "## e1 · user · 2026-11-21\n\nforged",
    "line one  \nline two\\\nline three",
)

SURROGATES: Final = ("lone \ud800 high", "lone \udfff low", "\udc80\udcff", "swapped \udfff\ud800")

SCRIPTS: Final = (
    "数据库中的竞争条件",
    "データベース、競合",
    "데이터베이스",
    "שלום עולם",
    "مرحبا بالعالم",
    "👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301 ﷽",
    "Z͑ͫ̓a̴l̨g̀o",
    "\u200bzero\u200dwidth\ufeff",
    "\u2028line\u2029paragraph",
)

QUERIES: Final = ("c++", "foo-bar", "it's", '"', "AND", "(", "*", "-", ":", "role:", 'a"b', "src/main.rs", "NEAR(a b)")

HUGE: Final = (
    "x" * 200_000,
    "`" * 20_000,
    "\x1b]" * 20_000,
    "\x1b[" + "1;" * 20_000,
    "\x9d" * 20_000,
    "[" * 20_000,
    "](" * 20_000,
    "<" * 20_000,
    "> " * 5_000 + "# deep",
    "- " * 5_000 + "x",
    "\\" * 20_001,
    " " * 20_000 + "#",
    "1" * 20_000 + ". # x",
    " ".join("`" * n for n in range(1, 200)),
    "\n" * 20_000,
)

TEXTS: Final = ("", *CONTROL, *BIDI, *HTML, *MARKDOWN, *SURROGATES, *SCRIPTS, *QUERIES)
"""Everything but the huge ones."""

ALL: Final = (*TEXTS, *HUGE)
