"""Templates in our own words, each for one part of the language, and conversations to render them with."""

CHATS = {
    "one": [{"role": "user", "content": "Hi there"}],
    "system": [
        {"role": "system", "content": "  Be brief.\n"},
        {"role": "user", "content": "What's \"2 + 2\"?"},
        {"role": "assistant", "content": "4"},
        {"role": "user", "content": "Gr\u00fc\u00dfe \U0001f44d\U0001f3fd e\u0301"},
        {"role": "assistant", "content": "<think>short</think>\n\nDanke \u4f60\u597d"},
    ],
    "empty": [],
}

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Looks up <b>weather</b> & \"more\" \u2014 caf\u00e9\n",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                           "required": ["city"], "default": None, "strict": True, "scale": 0.5, "none": []},
        },
    }
]

PEOPLE = [
    {"name": "Zoe", "age": 31, "tags": ["b", "a"], "home": {"city": "Oslo"}},
    {"name": "adam", "age": 7, "tags": [], "home": {"city": "Rome"}},
    {"name": "Bo", "age": 31, "tags": ["c"], "home": {}},
]

# name, source, chat, generation prompt, variables
CASES = [
    ("chatml", """{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
""", ["one", "system", "empty"], [False, True], {}),
    ("whitespace", """
  {# a comment #}
  {% if true %}
    kept  {{ 'a' }}
  {% endif %}
	{%+ if true %} plus{% endif +%}
 x {%- set y = 1 -%}   y
{{ y }}
{{- y -}}
   z {{ y }}   {# inline #} w
{% raw %}
  {{ not.evaluated }} {% nor this %} {# nor that #}
   {% endraw %}
{%- raw -%}   r {{ }} {%- endraw -%}   tail
  {#- gone -#}
    {% for i in range(2) %}
    row {{ i }}
    {% endfor %}
last line

""", ["one"], [False], {}),
    ("crlf", "a\r\n{% if true %}\r\nb\r\n{% endif %}\rc{{ 'd\\r\\ne' }}\r\n", ["one"], [False], {}),
    ("loops", """{% for m in messages -%}
{{ loop.index }}/{{ loop.index0 }}/{{ loop.revindex }}/{{ loop.revindex0 }}/{{ loop.length }} {{ loop.first }} {{ loop.last }} \
{{ loop.previtem.role if loop.previtem is defined else '-' }} {{ loop.nextitem.role if not loop.last else '-' }} {{ loop.cycle('odd', 'even') }} {{ loop.changed(m.role) }}
{% for c in m.content[:3] %}{{ loop.depth }}{{ c }}{% if not loop.last %},{% endif %}{% endfor %}|
{% else %}nothing{% endfor %}
{% for m in messages if m.role == 'user' %}{{ loop.index }}{{ m.content }}{{ loop.length }};{% else %}no user{% endfor %}
{% for a, b in [(1, 2), (3, 4)] %}{{ a + b }} {% endfor %}
{% for k, v in {'x': 1, 'y': [2]}.items() %}{{ k }}={{ v }};{% endfor %}
{% for i in range(10) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 5 %}{% break %}{% endif %}{{ i }}{% endfor %}
{% for i in range(2, 11, 3) %}{{ i }} {% endfor %}{% for i in range(3, 0, -1) %}{{ i }}{% endfor %}
{% for k in {'p': 1, 'q': 2} %}{{ k }}{% endfor %}{% for x in missing %}x{% else %}else{% endfor %}""",
     ["one", "system", "empty"], [False], {}),
    ("scopes", """{% set x = 1 %}{% set ns = namespace(n=0, found=false) %}{% set ns.extra = 'e' %}
{% for i in range(3) %}{% set x = x + i %}{% set ns.n = ns.n + x %}{{ x }}{% endfor %} {{ x }} {{ ns.n }} {{ ns.extra }} {{ ns.found }}
{% if true %}{% set x = 10 %}{% endif %}{{ x }}
{% set a, b = 'l', 'r' %}{{ a }}{{ b }}
{% set block %}
  <{{ x }}>
{% endset %}[{{ block }}]{% set up | upper | trim %}  abc {{ x }} {% endset %}[{{ up }}]
{% with q = 5, r = 6 %}{{ q * r }}{% endwith %}{{ q is defined }}
{% filter upper %}shout {{ a }}{% endfilter %}
{% set d = dict(one=1, two='2') %}{{ d.one }}{{ d['two'] }}{{ d }}""", ["one"], [False], {}),
    ("macros", """{% macro turn(role, text='none', sep=':') %}
<{{ role }}{{ sep }}{{ text }}>
{%- endmacro %}
{{ turn('user') }}{{ turn('bot', 'hi', sep='=') }}{{ turn(role='x', text=messages[0].content) }}
{% macro tree(n) %}{{ n }}{% if n > 0 %}({{ tree(n - 1) }}){% endif %}{% endmacro %}{{ tree(4) }}
{% macro wrap(tag) %}<{{ tag }}>{{ caller() }}</{{ tag }}>{% endmacro %}{% call wrap('b') %}inner {{ messages|length }}{% endcall %}
{% set hidden = 3 %}{% macro sees() %}{{ hidden }}{% endmacro %}{{ sees() }}{{ turn('r')|upper|length }}""",
     ["one"], [False], {}),
    ("operators", """{{ 1 + 2 * 3 - 4 }} {{ 7 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 2 ** 3 ** 2 }}
{{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 1e3 }} {{ 1.5e-7 }} {{ 1e16 }} {{ 0.1 + 0.2 }} {{ 1_000 }} {{ 3.0 }} {{ 10 / 5 }}
{{ 'a' ~ 1 ~ none ~ true ~ 1.0 ~ [1, 'x'] }} {{ 'ab' * 3 }} {{ [1, 2] + [3] }} {{ [0] * 3 }} {{ 'x' 'y' "z" }}
{{ 1 < 2 < 3 }} {{ 1 < 2 > 3 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ 'a' != 'b' }} {{ 3 >= 3 }} {{ 2 <= 1 }}
{{ not true and false or 'v' }} {{ none or 'w' }} {{ '' and 'x' }}| {{ 0 or [] or 'last' }} {{ not 1 == 2 }}
{{ 'a' in 'cab' }} {{ 'z' not in 'cab' }} {{ 2 in [1, 2] }} {{ 'k' in {'k': 1} }} {{ 'x' in missing }} {{ '' in 'a' }}
{{ 'yes' if 1 else 'no' }} {{ 'only' if false }}| {{ 1 if false else 2 if false else 3 }} {{ (1, 2)[1] }} {{ (1,) }} {{ () }} {{ -1|abs }} {{ +3 }}
{{ none }} {{ true }} {{ None }} {{ False }} {{ missing }}| {{ {'a': {'b': [1, {'c': none}]}} }} {{ {1: 'i'}[1] }} {{ {'a':1}.b }}|
{{ ['it\\'s', "q\\"q", 'n\\nl', 'b\\\\s', '\\x41\\u00e9\\t\\x07', 'both\\'\\"'] }} {{ 'caf\\u00e9' }} {{ '\\q\\d' }}
{{ 'e\u0301' == '\u00e9' }} {{ '\u00e9' in 'cafe\u0301' }} {{ 'e\u0301'|length }}""", ["one"], [False], {}),
    ("access", """{% set s = 'abcdef' %}{% set l = [1, 2, 3, 4, 5] %}{{ s[0] }}{{ s[-1] }}{{ s[9] }}| {{ s[1:3] }} {{ s[::-1] }} {{ s[:-2] }} {{ s[-2:] }} {{ s[::2] }} {{ s[4:1:-1] }}
{{ l[1:] }} {{ l[:2] }} {{ l[::-1] }} {{ l[-3:-1] }} {{ l[10:] }} {{ l[-10:2] }} {{ l.0 }} {{ l[7] }}| {{ (1, 2, 3)[:2] }}
{{ people[0].home.city }} {{ people[0]['home']['city'] }} {{ people[2].home.city }}| {{ people[0].items is defined }} {{ {'items': 3}['items'] }} {{ {'a': 1}.get('a') }} {{ {'a': 1}.get('z') }} {{ {'a': 1}.get('z', 9) }}
{{ {'a': 1, 'b': 2}.keys()|list }} {{ {'a': 1, 'b': 2}.values()|list }} {{ messages[0]['content'][0] }} {{ messages|length }} {{ messages[-1].role }} {{ bos_token }}{{ eos_token }}""",
     ["one"], [False], {"people": PEOPLE}),
    ("strings", """[{{ '  a b '.strip() }}][{{ '  a '.lstrip() }}][{{ ' a  '.rstrip() }}][{{ 'xxaxx'.strip('x') }}][{{ '\\n\\u3000t\\x1c'.strip() }}]
{{ 'a,b,,c'.split(',') }} {{ ' a  b c '.split() }} {{ 'a b c d'.split(' ', 2) }} {{ ' a b  c '.split(none, 1) }} {{ 'a-b-c'.rsplit('-', 1) }} {{ 'x</think>y'.split('</think>')[-1] }} {{ ''.split(',') }} {{ ''.split() }}
{{ 'Abc'.upper() }} {{ 'ABC'.lower() }} {{ "it's a dog's life".title() }} {{ 'hELLO wORLD'.capitalize() }} {{ 'stra\u00dfe'.upper() }} {{ '\u01c6'.title() }}
{{ 'aXbXc'.replace('X', '--') }} {{ 'aaa'.replace('a', 'b', 2) }} {{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'abcabc'.find('c') }} {{ 'abc'.find('z') }} {{ 'abcabc'.rfind('a') }} {{ 'banana'.count('an') }}
{{ ', '.join(['x', 'y']) }} {{ 'a\\nb\\r\\nc\\n'.splitlines() }} {{ 'pre-x'.removeprefix('pre-') }} {{ 'x.py'.removesuffix('.py') }} {{ '12'.isdigit() }} {{ 'ab1'.isalpha() }} {{ ' '.isspace() }} {{ ''.isdigit() }}""",
     ["one"], [False], {}),
    ("filters", """{{ '  t '|trim }}|{{ 'xtx'|trim('x') }} {{ 'Ab'|upper }}{{ 'Ab'|lower }} {{ "it's a-b (c) dog's"|title }} {{ 'hELLO'|capitalize }} {{ missing|default('d') }} {{ ''|default('e', true) }} {{ none|default('f') }} {{ none|d('g', boolean=true) }}
{{ [3, 1, 2]|sort }} {{ [3, 1, 2]|sort(reverse=true) }} {{ ['b', 'A', 'c']|sort }} {{ ['b', 'A', 'c']|sort(case_sensitive=true) }} {{ people|sort(attribute='age')|map(attribute='name')|join(',') }} {{ people|sort(attribute='age', reverse=true)|map(attribute='name')|list }}
{{ ['a', 'B', 'b', 'A']|unique|list }} {{ people|map(attribute='home.city', default='?')|join('/') }} {{ ['a', 'b']|map('upper')|list }} {{ [1, 2, 3]|map('string')|join('+') }} {{ people|map(attribute='tags')|map('length')|sum }}
{{ people|selectattr('age', 'equalto', 31)|map(attribute='name')|list }} {{ people|rejectattr('tags')|map(attribute='name')|list }} {{ people|selectattr('home.city', 'defined')|list|length }} {{ [0, 1, 2, 3]|select('odd')|list }} {{ [0, 1, '']|select|list }} {{ [1, none]|reject('none')|list }} {{ [5, 6]|select('in', [6, 7])|list }} {{ [4, 9]|select('>', 5)|list }} {{ [4, 9]|reject('divisibleby', 3)|list }}
{{ 'abc'|first }}{{ 'abc'|last }} {{ [1, 2]|first }}{{ [1, 2]|last }} {{ 'abc'|list }} {{ {'a': 1}|list }} {{ {'a': 1, 'b': 2}|items|list }} {{ 'abc'|length }} {{ {'a': 1}|length }} {{ [1, 2]|count }} {{ 'abc'|reverse }} {{ [1, 2]|reverse|list }}
{{ 'aXb'|replace('X', '-') }} {{ 12|string + '!' }} {{ '42'|int + 1 }} {{ 'x'|int }} {{ 'x'|int(7) }} {{ '3.9'|int }} {{ 3.9|int }} {{ '2.5'|float }} {{ 'x'|float }} {{ 2|float }} {{ -3|abs }} {{ -3.5|abs }}
{{ 42.55|round }} {{ 42.55|round(1) }} {{ 42.55|round(1, 'floor') }} {{ 2.5|round }} {{ 3.5|round }} {{ 2.675|round(2) }} {{ 42|round }} {{ 4.1|round(0, 'ceil')|int }}
{{ 'a\\nb\\n\\nc'|indent }}|{{ 'a\\nb'|indent(2, true) }}|{{ 'a\\n\\nb'|indent(2, blank=true) }}|{{ 'a\\nb\\n'|indent('> ') }}|
{{ {'b': 2, 'a': 1, 'C': 3}|dictsort }} {{ {'b': 1, 'a': 2}|dictsort(by='value') }} {{ {'b': 1, 'a': 2}|dictsort(reverse=true) }} {{ '<b>'|safe }} {{ '<b>&\\''|e }} {{ [1, 2.5]|sum }} {{ people|sum(attribute='age') }} {{ [2, 9, 4]|max }} {{ [2, 9, 4]|min }} {{ people[0]|attr('name') }}|
{% set z = [1, 2]|map('string') | join('-') %}{{ z }} {{ ['x', none, 1]|join('|') }} {{ 'a'|upper ~ 'b' }} {{ 1 + '2'|int }} {{ [[1, 2], [3]]|map('first')|list }}""",
     ["one"], [False], {"people": PEOPLE}),
    ("json", """{{ tools|tojson }}
{{ tools|tojson(indent=4) }}
{{ messages|tojson(indent=2) }}
{{ tools[0].function.parameters|tojson(sort_keys=true) }} {{ {'a': [1, 2]}|tojson(separators=(',', ':')) }} {{ 'caf\u00e9 \U0001f600 \\x00\\x1f\\x7f\\u2028'|tojson }} {{ 'caf\u00e9 \U0001f600'|tojson(ensure_ascii=true) }} {{ [1.0, 1e20, 1e-7, none, true, []]|tojson }} {{ {}|tojson(indent=2) }} {{ {1: 'a', none: 2}|tojson }} {{ (1, 'x')|tojson }} {{ [[], [1]]|tojson(indent=1) }}""",
     ["one", "system"], [False], {"tools": TOOLS}),
    ("tests", """{{ missing is defined }} {{ messages is defined }} {{ missing is undefined }} {{ none is none }} {{ 'a' is string }} {{ 1 is string }} {{ {} is mapping }} {{ [] is mapping }} {{ [] is iterable }} {{ 1 is iterable }} {{ 'a' is iterable }} {{ 'a' is sequence }} {{ {} is sequence }} {{ 1 is sequence }}
{{ 1 is number }} {{ 1.5 is number }} {{ true is number }} {{ 'a' is number }} {{ true is boolean }} {{ 1 is boolean }} {{ true is true }} {{ false is false }} {{ 1 is true }} {{ 1 is integer }} {{ true is integer }} {{ 1.0 is float }} {{ 3 is odd }} {{ 3 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }}
{{ 1 is equalto 1 }} {{ 1 is eq(2) }} {{ 'a' is in ['a'] }} {{ 'a' is not in 'b' }} {{ 2 is gt 1 }} {{ 2 is lt(1) }} {{ 1 is ne 2 }} {{ 'AB' is upper }} {{ 'ab' is lower }} {{ none is sameas none }} {{ range is callable }} {{ 1 is not none and 2 is not string }} {{ messages[0].name is not defined }} {{ not missing is defined }} {{ 'x' if tools is none else 'y' }}""",
     ["one"], [False], {}),
    ("generation", """{{ bos_token }}{% for m in messages %}
{% if m.role == 'assistant' %}
<bot>{% generation %}{{ m.content }}{{ eos_token }}{% endgeneration %}

{% else %}
<{{ m.role }}>{{ m.content | trim }}
{% endif %}
{% endfor %}
{% if add_generation_prompt %}<bot>{% endif %}""", ["one", "system"], [False, True], {}),
    ("dated", "{{ strftime_now('%d %b %Y') }} {{ strftime_now('%Y-%m-%d, %A %B, 100%%') }}", ["one"], [False], {}),
    ("tool_use", """{%- if tools %}
    {{- '<|system|>\\nYou may call:\\n' }}
    {%- for tool in tools %}
        {%- set fn = tool.function %}
        {{- '- ' ~ fn.name ~ '(' }}
        {%- for key, spec in fn.parameters.properties.items() %}
            {{- key ~ ': ' ~ spec.type }}
            {%- if key not in fn.parameters.required %}{{ '?' }}{% endif %}
            {%- if not loop.last %}{{ ', ' }}{% endif %}
        {%- endfor %}
        {{- ')\\n' }}
    {%- endfor %}
{%- endif %}
{%- set ns = namespace(last=-1, multi=true) %}
{%- for m in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi and m.role == 'user' and not (m.content.startswith('<r>') and m.content.endswith('</r>')) %}
        {%- set ns.multi = false %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for m in messages %}
    {%- if m.role == 'assistant' and '</think>' in m.content and loop.index0 < ns.last + 9 %}
        {%- set content = m.content.split('</think>')[-1].lstrip('\\n') %}
        {{- '<|' ~ m.role ~ '|>\\n' ~ content }}
    {%- else %}
        {{- '<|' ~ m.role ~ '|>\\n' ~ m.content }}
    {%- endif %}
    {{- '<|end|>\\n' }}
{%- endfor %}
{{- '<|assistant|>\\n' if add_generation_prompt else eos_token }}""", ["one", "system"], [False, True], {"tools": TOOLS}),
]

# name, source, the line the fault is on (None: only that it fails)
ERRORS = [
    ("raised", "a\n{{ raise_exception('Roles must alternate') }}", 2),
    ("undefined attribute", "\n\n{{ missing.name }}", 3),
    ("undefined sum", "{{ missing + 'a' }}", 1),
    ("undefined call", "\n{{ missing() }}", 2),
    ("unknown filter", "x\n{{ 'a'|sparkle }}", 2),
    ("unknown test", "x\n{{ 'a' is sparkly }}", 2),
    ("unknown tag", "{% sparkle %}", 1),
    ("no end", "\n{% if true %}x", None),
    ("no end of tag", "\n{{ 'a' ", None),
    ("no end of string", "{{ 'a }}", None),
    ("no end of comment", "{# a", None),
    ("wrong end", "{% for x in [] %}\n{% endif %}", 2),
    ("mismatched bracket", "{{ (1] }}", 1),
    ("add string and number", "{{ 'a' + 1 }}", 1),
    ("order of kinds", "{{ 1 < 'a' }}", 1),
    ("division by zero", "\n{{ 1 // 0 }}", 2),
    ("loop over number", "{% for x in 5 %}{% endfor %}", 1),
    ("unpack", "{% for a, b in [[1, 2, 3]] %}{% endfor %}", 1),
    ("attribute of non-namespace", "{% set d = {} %}{% set d.x = 1 %}", 1),
    ("include", "{% include 'x' %}", 1),
    ("json of undefined", "{{ missing|tojson }}", 1),
    ("break outside", "{% break %}", 1),
    ("too many arguments", "{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}", 1),
    ("private namespace", "{% set ns = namespace() %}{% set ns._x = 1 %}", 1),
    ("huge range", "{{ range(999999999)|length }}", 1),
]
