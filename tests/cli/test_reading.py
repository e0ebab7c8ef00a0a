from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

import hansard
from hansard.cli.context import SESSION
from hansard.cli.root import hansard as program

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31mred\u202eeht\x00 end"


def test_ls_shows_the_newest_first_and_numbers_the_rows(run, store):
    store.create(id="older", title="The older one")
    store.create(id="newer", title="The newer one")
    lines = run("ls").stdout.splitlines()
    assert lines[0].split()[:3] == ["@", "ID", "TITLE"]
    assert [line.split()[:2] for line in lines[1:]] == [["@1", "newer"], ["@2", "older"]]
    assert json.loads(run("ls", "-o", "json").stdout)[0]["id"] == "newer"
    assert run("show", "@2", "--all", code=1).stdout.startswith("The older one")


def test_ls_gives_every_format(run, session):
    assert run("ls", "-o", "id").stdout == "first-session\n"
    assert [json.loads(line)["id"] for line in run("ls", "-o", "jsonl").stdout.splitlines()] == ["first-session"]
    assert run("ls", "-o", "md").stdout.splitlines()[1].startswith("| ---")
    row = json.loads(run("ls", "-o", "json").stdout)[0]
    assert (row["message_count"], row["agent"], row["status"]) == (4, "coder", None)


def test_ls_filters_and_pages(run, store):
    for number in range(5):
        store.create(id=f"s{number}", project="even" if number % 2 == 0 else "odd", labels={"n": str(number)})
    assert run("ls", "--project", "odd", "-o", "id").stdout.split() == ["s3", "s1"]
    assert run("ls", "--label", "n=4", "-o", "id").stdout.split() == ["s4"]
    page = run("ls", "-n", "2", "-o", "id", "--order", "id")
    assert page.stdout.split() == ["s0", "s1"]
    cursor = page.stderr.split("--after ")[1].split(",")[0]
    assert run("ls", "-n", "2", "-o", "id", "--order", "id", "--after", cursor).stdout.split() == ["s2", "s3"]


def test_ls_exits_1_if_nothing_meets_the_filters(run, session):
    result = run("ls", "--project", "none", code=1)
    assert result.stdout == ""
    assert "no sessions meet" in result.stderr


def test_ls_with_since_takes_dates_and_refuses_nonsense(run, session):
    assert run("ls", "--since", "2000-01-01", "-o", "id").stdout.split() == ["first-session"]
    run("ls", "--since", "2999-01-01", code=1)
    run("ls", "--since", "yesterday-ish", code=2)


def test_show_prints_the_conversation_with_its_tool_calls(run, session):
    shown = run("show", session.id).stdout
    for words in ("Why is the tide table", "[call] read", '"path": "clock.py"', "[result]", "It reads UTC."):
        assert words in shown


def test_show_takes_a_beginning_a_slug_and_last(run, session):
    whole = run("show", session.id).stdout
    assert run("show", "first-s").stdout == whole
    assert run("show", "@last").stdout == whole
    assert run("show", session.info.slug).stdout == whole


def test_show_narrows_to_the_last_to_a_range_and_to_prompts(run, session):
    def seqs(*options):
        return [row["seq"] for row in json.loads(run("show", session.id, "-o", "json", *options).stdout)]

    assert seqs() == [2, 3, 4, 5]
    assert seqs("--last", "1") == [5]
    assert seqs("--from", "3", "--to", "4") == [3, 4]
    assert seqs("--prompts") == [2]


def test_show_all_has_what_a_rewind_and_a_compaction_hide(run, session):
    session.rewind(to=2)
    session.append(hansard.assistant("Another answer."))
    session.compact("They talked about tides.")
    shown = run("show", session.id).stdout
    assert "They talked about tides." in shown
    assert "It reads UTC." not in shown
    whole = run("show", session.id, "--all").stdout
    assert "It reads UTC." in whole
    assert "Another answer." in whole


def test_show_raw_gives_the_entries_as_they_are(run, session):
    rows = [json.loads(line) for line in run("show", session.id, "--raw").stdout.splitlines()]
    assert [row["seq"] for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0]["kind"] == "created"
    last = run("show", session.id, "--raw", "--last", "2", "--to", "4").stdout.splitlines()
    assert [json.loads(line)["seq"] for line in last] == [3, 4]


def test_show_of_nothing_says_so_and_exits_1(run, store):
    store.create(id="empty")
    assert "no messages" in run("show", "empty", code=1).stderr


@pytest.mark.parametrize(
    "command",
    [("show", "evil"), ("show", "evil", "-o", "md"), ("ls",), ("ls", "-o", "md"), ("search", "end"), ("tail", "evil")],
)
def test_nothing_of_a_transcript_steers_the_terminal(run, store, command):
    session = store.create(id="evil", title=EVIL, project=EVIL)
    session.append(hansard.user(EVIL))
    session.append(hansard.assistant([hansard.tool_call("c", EVIL, {EVIL: EVIL})]))
    session.append(hansard.tool("c", EVIL, is_error=True))
    session.append(hansard.event(EVIL, {"x": EVIL}))
    out = run(*command).stdout
    assert not set("\x1b\x07\x9b\u202e\x00") & set(out)
    assert "end" in out


def test_json_keeps_every_character_by_escapes(run, store):
    store.create(id="evil").append(hansard.user(EVIL + "\ud800"))
    out = run("show", "evil", "-o", "json").stdout
    assert out.isascii()
    assert json.loads(out)[0]["parts"][0]["text"] == EVIL + "\ud800"


def test_colours_come_only_if_asked_for_where_there_is_no_terminal(run, session):
    assert "\x1b[" not in run("show", session.id).stdout
    assert "\x1b[" in run("--color", "always", "show", session.id).stdout


def test_tail_shows_the_newest_entries_of_any_kind(run, session):
    session.append([hansard.event("build", {"ok": True}), hansard.usage("m", input=3)])
    rows = [json.loads(line) for line in run("tail", session.id, "-n", "3", "-o", "jsonl").stdout.splitlines()]
    assert [row["kind"] for row in rows] == ["message", "event", "usage"]
    assert "event build" in run("tail", session.id).stdout
    only = run("tail", session.id, "--kind", "event", "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line)["kind"] for line in only] == ["event"]


def test_search_finds_and_says_where(run, session):
    row = json.loads(run("search", "tide", "table", "-o", "json").stdout)[0]
    assert (row["session"], row["seq"], row["role"]) == ("first-session", 2, "user")
    assert "tide table" in row["snippet"]
    assert "tide table" in run("search", "tide").stdout
    assert run("search", "tide", "-o", "id").stdout == "first-session\n"


def test_search_in_one_session_reaches_what_was_compacted_away(run, session):
    session.compact("Something else.")
    assert json.loads(run("search", "tide", "--session", session.id, "-o", "jsonl").stdout.splitlines()[0])["seq"] == 2


@pytest.mark.parametrize("query", ["c++", "foo-bar", "it's", '"', "AND", "(", "数据库", "שלום", "x" * 10_000])
def test_any_text_is_a_valid_search(run, session, query):
    assert "nothing was found" in run("search", "--", query, code=1).stderr


@pytest.mark.in_a_folder
def test_path_names_the_folder_with_the_log(run, session, home):
    folder = run("path", session.id).stdout.strip()
    assert folder.startswith(str(home))
    with Path(folder, "log.jsonl").open(encoding="utf-8") as log:
        assert json.loads(log.readline())["kind"] == "created"


def test_health_says_which_backend_answers(run, session):
    assert json.loads(run("store", "health", "-o", "json").stdout)["ok"] is True
    assert "backend" in run("store", "health").stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(run, shell):
    assert "_HANSARD_COMPLETE" in run("completion", shell).stdout


def test_the_shell_is_offered_commands_and_session_ids(run, session, monkeypatch):
    monkeypatch.setenv("_HANSARD_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "hansard show fi")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert run().stdout == "plain,first-session\n"
    monkeypatch.setenv("COMP_WORDS", "hansard sea")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert run().stdout == "plain,search\n"


def test_a_slug_is_completed_too(run, session, monkeypatch):
    monkeypatch.setenv("_HANSARD_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "hansard show code")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert run().stdout == f"plain,{session.info.slug}\n"


def test_a_completion_stops_when_enough_is_offered(store, monkeypatch):
    for number in range(3):
        store.create(id=f"s{number}")
    looked_at = 0
    sessions = type(store).sessions

    def counted(self, **filters):
        nonlocal looked_at
        for info in sessions(self, **filters):
            looked_at += 1
            yield info

    monkeypatch.setattr(type(store), "sessions", counted)
    monkeypatch.setattr("hansard.cli.context.COMPLETED_MAX", 1)
    context = click.Context(program, info_name="hansard")
    context.params = {"store": None, "tenant": None}
    assert [item.value for item in SESSION.shell_complete(context, program.params[0], "s")] == ["s2"]
    assert looked_at == 1


def test_show_raw_gives_one_list_where_json_is_asked_for(run, session):
    assert [row["seq"] for row in json.loads(run("show", session.id, "--raw", "-o", "json").stdout)] == [1, 2, 3, 4, 5]


def test_tail_gives_one_list_and_exits_1_if_there_is_nothing(run, session):
    assert [row["seq"] for row in json.loads(run("tail", session.id, "-n", "2", "-o", "json").stdout)] == [4, 5]
    assert json.loads(run("tail", session.id, "--kind", "usage", "-o", "json", code=1).stdout) == []
    assert "no entries of kind usage" in run("tail", session.id, "--kind", "usage", code=1).stderr


def test_search_says_what_it_took_for_words(run, session):
    assert "looked for as words" in run("search", "tide", "after:yesterday", code=1).stderr


def test_times_may_be_so_long_ago(run, session):
    session.append(hansard.usage("m", input=1))
    for command in ("ls", "usage"):
        run(command, "--since", "1d")
        run(command, "--until", "1d", code=1)


def test_ls_and_usage_take_the_tree_of_a_session(run, store, session):
    child = session.spawn(id="child")
    grandchild = child.spawn(id="grandchild")
    store.create(id="other").append(hansard.usage("m", input=1000))
    for number, one in enumerate((session, child, grandchild)):
        one.append(hansard.usage("m", input=10**number))
    assert set(run("ls", "--tree", session.id, "-o", "id").stdout.split()) == {session.id, "child", "grandchild"}
    assert set(run("ls", "--tree", "child", "-o", "id").stdout.split()) == {"child", "grandchild"}

    def spent(name):
        return json.loads(run("usage", "--session", name, "--by", "", "-o", "json").stdout)[0]["input"]

    assert (spent(session.id), spent("child"), spent("grandchild")) == (111, 110, 100)


def test_the_same_thing_has_the_same_members_in_every_command(run, session):
    session.append(hansard.usage("m", input=1))
    with session.run() as running:
        running.append(hansard.assistant("Done."))
    listed = json.loads(run("ls", "-o", "json").stdout)[0]["usage"]
    summed = json.loads(run("usage", "--by", "", "-o", "json").stdout)[0]
    ran = json.loads(run("runs", "-o", "json").stdout)[0]["usage"]
    assert list(listed) == list(summed) == list(ran)
    assert listed == summed


def test_sub_agents_that_wait_for_an_answer_or_are_pinned_are_listed(run, session):
    child = session.spawn(id="child", agent="reviewer")
    child.ask("Deploy?")
    child.update(pinned=True)
    assert run("ls", "-o", "id").stdout.split() == [session.id]
    assert run("ls", "--waiting", "-o", "id").stdout.split() == ["child"]
    assert run("ls", "--pinned", "-o", "id").stdout.split() == ["child"]


def test_a_listing_shows_as_much_of_each_id_as_tells_it_from_the_others(run, store):
    names = ["django__django-11099.traj", "django__django-11133.traj", "0199d3b2-6c1e-7b40-8e55-4d0b8f1c2a90", "one"]
    for name in names:
        store.create(id=name, entries=[hansard.user("hello")])
    for command in (("ls",), ("search", "hello")):
        shown = run(*command).stdout
        for words in ("django__django-110…", "django__django-111…", "0199d3b2-6c1e…", "one "):
            assert words in shown
