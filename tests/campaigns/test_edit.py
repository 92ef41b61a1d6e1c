"""Writing: versions, variants, copies, and what only drafts allow."""

import threading

import pytest
from flask import Flask

from app.accounts.models import Workspace
from app.campaigns import edit
from app.campaigns.edit import VariantInput
from app.campaigns.freeze import freeze
from app.campaigns.launch import launch
from app.campaigns.lifecycle import find_campaign
from app.core.database import db, in_workspace
from app.core.errors import Conflict, Invalid, NotFound
from tests.factories.campaigns import WEEKLY, add_people, make_list, weekly_digest


def test_of_two_writers_at_the_same_version_one_is_told(scope: Workspace) -> None:
    campaign = edit.create_campaign("Digest")
    seen = campaign.version
    edit.save_content(campaign.id, seen, subject="By Ada", preheader="", mjml=WEEKLY)
    with pytest.raises(Conflict, match="What you typed is still in the form"):
        edit.save_content(campaign.id, seen, subject="By Eve", preheader="", mjml=WEEKLY)
    (variant,) = edit.variants_of(campaign)
    assert variant.subject == "By Ada"
    assert campaign.version == seen + 1


def test_of_two_writers_at_the_same_moment_one_wins(app: Flask, scope: Workspace) -> None:
    campaign = edit.create_campaign("Digest")
    db.session.commit()
    campaign_id, version, workspace_id = campaign.id, campaign.version, scope.id
    outcomes: list[str] = []
    ready = threading.Barrier(2)

    def write(name: str) -> None:
        with app.app_context(), in_workspace(workspace_id):
            ready.wait()
            try:
                edit.save_settings(campaign_id, version, name=name)
                db.session.commit()
                outcomes.append("saved")
            except Conflict:
                outcomes.append("told")

    threads = [threading.Thread(target=write, args=(name,)) for name in ("Ada's", "Eve's")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["saved", "told"]


def test_variants_keep_their_content_and_share_the_rest(scope: Workspace) -> None:
    campaign = edit.create_campaign("Test", mjml=WEEKLY)
    own = WEEKLY.replace("ten things", "eleven things")
    campaign = edit.set_variants(
        campaign.id,
        campaign.version,
        [VariantInput(0.5, "Plain"), VariantInput(0.3, "Own", mjml=own), VariantInput(0.2, "Third")],
        held_out=0.1,
    )
    first, second, _third = edit.variants_of(campaign)
    assert [variant.name for variant in edit.variants_of(campaign)] == ["A", "B", "C"]
    edit.save_content(campaign.id, campaign.version, position=2, subject="Own", preheader="", mjml="<mjml>own</mjml>")
    assert (campaign.mjml, second.mjml, first.mjml) == (WEEKLY, "<mjml>own</mjml>", None)
    ids = [variant.id for variant in edit.variants_of(campaign)]
    edit.set_variants(campaign.id, campaign.version, [VariantInput(1.0, "Only")])
    assert [variant.id for variant in edit.variants_of(campaign)] == ids[:1]
    assert campaign.held_out == 0


def test_five_variants_and_shares_that_do_not_add_up_change_nothing(scope: Workspace) -> None:
    campaign = edit.create_campaign("Test")
    version = campaign.version
    for variants in ([VariantInput(0.2)] * 5, [VariantInput(0.5), VariantInput(0.4)]):
        with pytest.raises(Invalid):
            edit.set_variants(campaign.id, version, variants)
    assert find_campaign(campaign.id, fresh=True).version == version


def test_lists_of_another_workspace_cannot_be_chosen(scope: Workspace) -> None:
    campaign = edit.create_campaign("Test")
    with pytest.raises(Invalid, match="do not exist"):
        edit.save_audience(campaign.id, campaign.version, lists=[2**40])
    doves = make_list()
    with pytest.raises(Invalid, match="both"):
        edit.save_audience(campaign.id, campaign.version, lists=[doves.id], exclude=[doves.id])


def test_a_launched_campaign_cannot_be_changed_or_deleted_but_copied(scope: Workspace) -> None:
    doves = make_list()
    add_people(doves, 2)
    campaign = weekly_digest(doves, variants=[VariantInput(0.5, "One"), VariantInput(0.5, "Two")])
    launch(campaign.id, by=None)
    freeze(campaign.id)
    with pytest.raises(Conflict, match="cannot be changed"):
        edit.save_settings(campaign.id, campaign.version, name="Too late")
    with pytest.raises(Conflict, match="only drafts"):
        edit.delete_draft(campaign.id)
    with pytest.raises(Conflict):
        edit.archive(campaign.id)
    copy = edit.duplicate(campaign.id)
    assert (copy.state, copy.name, copy.audience) == ("draft", "Weekly digest (copy)", campaign.audience)
    assert copy.salt != campaign.salt
    assert [variant.subject for variant in edit.variants_of(copy)] == ["One", "Two"]


def test_copies_are_told_apart_by_number(scope: Workspace) -> None:
    campaign = edit.create_campaign("Digest (100%)")
    copies = [edit.duplicate(campaign.id), edit.duplicate(campaign.id)]
    copies += [edit.duplicate(copies[0].id), edit.duplicate(copies[1].id)]
    numbers = ("copy", "copy 2", "copy 3", "copy 4")
    assert [copy.name for copy in copies] == [f"Digest (100%) ({number})" for number in numbers]


def test_a_draft_can_be_deleted(scope: Workspace) -> None:
    campaign = edit.create_campaign("Gone")
    assert edit.delete_draft(campaign.id) == "Gone"
    with pytest.raises(NotFound):
        find_campaign(campaign.id, fresh=True)
