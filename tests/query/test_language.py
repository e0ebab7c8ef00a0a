from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansard.query import EVERYTHING, All, And, AnyOf, Field, Has, Not, Or, Phrase, Search, Without, Word, parse
from hansard.query.language import TERMS_MAX
from hansard.query.search import NOTHING

NOW = 1_790_000_000_000_000


def text_of(query):
    return parse(query).text


def condition_of(query):
    return parse(query, now_us=NOW).condition


# -- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("race", Word("race")),
        ("Race  Condition", And((Word("race"), Word("condition")))),
        ("race AND condition", And((Word("race"), Word("condition")))),
        ("race OR deadlock", Or((Word("race"), Word("deadlock")))),
        ("a OR b c", And((Or((Word("a"), Word("b"))), Word("c")))),
        ("a OR b OR c", Or((Word("a"), Word("b"), Word("c")))),
        ("race -condition", And((Word("race"), Without(Word("condition"))))),
        ('"race condition"', Phrase(("race", "condition"))),
        ('-"race condition"', Without(Phrase(("race", "condition")))),
        ("cond*", Word("cond", prefix=True)),
        ('"race cond"*', Phrase(("race", "cond"), prefix=True)),
        ('"race cond', Phrase(("race", "cond"))),
        ("race race", Word("race")),
        ("foo-bar", Phrase(("foo", "bar"))),
        ("it's", Phrase(("it", "s"))),
        ("src/main.rs", Phrase(("src", "main", "rs"))),
        ("c++", Word("c++")),
        ("C#", Word("c#")),
        ("naïve", Word("naive")),
        ("שלום", Word("שלום")),
        ("数", Word("数", prefix=True)),
        ("数据", Word("数据")),
        ("数据库", Phrase(("数据", "据库"))),
        ("https://example.org/x", Phrase(("https", "example", "org", "x"))),
        ("12:30", Phrase(("12", "30"))),
        ("foo:bar", Phrase(("foo", "bar"))),
    ],
)
def test_words_mean_what_a_reader_takes_them_for(query, text):
    assert text_of(query) == text


@pytest.mark.parametrize("query", ["AND", "OR", "NOT", "and", "-AND"])
def test_a_word_of_the_language_alone_is_a_word(query):
    word = Word(query.lstrip("-").lower())
    assert text_of(query) == (Without(word) if query.startswith("-") else word)


@pytest.mark.parametrize("query", ["", " ", "\n"])
def test_without_words_everything_is_asked_for(query):
    assert parse(query).everything
    assert parse(query).notes == ()


@pytest.mark.parametrize("query", ["(", '"', '""', "*", "-", "?!", "\x00", "…"])
def test_signs_alone_find_nothing_and_say_so(query):
    assert text_of(query) == NOTHING
    assert len(parse(query).notes) == 1


def test_a_sign_beside_words_changes_nothing_but_is_told():
    search = parse("race ( condition")
    assert search.text == And((Word("race"), Word("condition")))
    assert search.notes == ("nothing to look for in '('",)


def test_words_beyond_the_bound_are_left_out_and_told():
    search = parse(" ".join(f"w{number}" for number in range(TERMS_MAX + 50)))
    assert isinstance(search.text, And)
    assert len(search.text.items) == TERMS_MAX
    assert any("left out" in note for note in search.notes)


@pytest.mark.parametrize(
    "unit", ["word ", "x" * 99 + " ", '"a b" ', "-a ", "role:user ", "a OR ", '"', "tag:", "数据库", "(" * 9]
)
def test_a_query_of_ten_thousand_characters_is_a_query(unit):
    query = (unit * 10_000)[:10_000]
    assert parse(query, now_us=NOW).source == query


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(max_size=6),
            st.sampled_from(
                ['"', "-", "*", ":", "OR", "AND", "role:", "after:", "label:x=", 'title:"', "is:error", "\ud800"]
            ),
        )
    )
)
def test_no_text_is_refused(pieces):
    for query in (" ".join(pieces), "".join(pieces)):
        assert isinstance(parse(query, now_us=NOW), Search)


# -- filters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "condition"),
    [
        ("project:api", Field("project", "=", "api")),
        ("PROJECT:api", Field("project", "=", "api")),
        ('project:"the api"', Field("project", "=", "the api")),
        ("-project:api", Not(Field("project", "=", "api"))),
        ("user:ana user:ben", AnyOf((Field("user", "=", "ana"), Field("user", "=", "ben")))),
        ("agent:a user:b", All((Field("agent", "=", "a"), Field("user", "=", "b")))),
        ("session:s1", Field("id", "=", "s1")),
        ("model:opus*", All((Field("model", ">=", "opus"), Field("model", "<", "opus\U0010ffff")))),
        ("label:env=prod", Has("labels", "env", "prod")),
        ('label:env="a b"', Has("labels", "env", "a b")),
        ("label:env", Not(Has("labels", "env", None))),
        ("is:pinned", Field("pinned", "=", True)),
        ("-is:running", Not(Field("status", "=", "running"))),
        ("after:2026-11-01", Field("updated_at", ">=", "2026-11-01T00:00:00.000000Z")),
        ("before:2026-11-01T08:00:00+02:00", Field("updated_at", "<", "2026-11-01T06:00:00.000000Z")),
        ("after:2026", Field("updated_at", ">=", "2026-01-01T00:00:00.000000Z")),
        ("after:1d", Field("updated_at", ">=", "2026-09-20T14:13:20.000000Z")),
    ],
)
def test_a_filter_is_a_condition_on_the_session(query, condition):
    assert condition_of(query) == condition
    assert parse(query, now_us=NOW).text is None


def test_filters_on_entries_are_not_conditions_on_the_session():
    search = parse("race role:User -role:system tool:Bash -tool:grep in:tool")
    assert search.condition == EVERYTHING
    assert (search.roles, search.without_roles) == (("user",), ("system",))
    assert (search.tools, search.without_tools) == (("bash",), ("grep",))
    assert search.with_tools


def test_errors_can_be_asked_for_and_left_out():
    assert parse("is:error").errors is True
    assert parse("-is:error").errors is False
    assert parse("race").errors is None


def test_words_of_a_title_are_looked_for_like_words():
    assert parse("title:harbour").title == Word("harbour")
    assert parse('title:"tide table"').title == Phrase(("tide", "table"))
    assert parse("title:tide title:table").title == And((Word("tide"), Word("table")))
    assert parse("-title:tide").title == Without(Word("tide"))


@pytest.mark.parametrize("query", ["after:yesterday", "is:purple", "in:doubt", "role:", 'user:""', "before:2026-13-01"])
def test_a_filter_that_can_not_be_meant_is_looked_for_as_words_and_told(query):
    search = parse(query, now_us=NOW)
    assert search.condition == EVERYTHING
    assert search.text is not None
    assert "looked for as words" in search.notes[0]


def test_a_relative_time_without_a_clock_is_words():
    assert parse("after:7d").text == Phrase(("after", "7d"))


def test_filters_always_count_also_beside_or():
    search = parse("race OR project:api")
    assert search.text == Word("race")
    assert search.condition == Field("project", "=", "api")
    assert "filters always count" in search.notes[0]


@pytest.mark.parametrize(
    ("query", "said", "tools"),
    [
        ("race", True, False),
        ("race in:tool", True, True),
        ("race role:tool", False, True),
        ("race role:user role:tool", True, True),
        ("race tool:bash", True, True),
        ("is:error", False, True),
        ("tool:bash -role:tool", True, False),
    ],
)
def test_tool_output_is_looked_at_where_it_is_asked_for(query, said, tools):
    search = parse(query)
    assert (search.in_said, search.in_tools) == (said, tools)
