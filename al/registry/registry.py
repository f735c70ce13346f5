"""Which version is in Production, how it got there, and how another one gets there."""

from __future__ import annotations

import json
import logging
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlflow import get_registry_uri
from mlflow.entities import LoggedModelOutput, LoggedModelStatus
from mlflow.exceptions import MlflowException

from al.errors import RegistryError
from al.registry import offers
from al.registry.promotions import Promotions, before
from al.whole import digest_of, on_disk

_log = logging.getLogger(__name__)

#: Where a version's weights are.
WEIGHTS = "artifacts/weights"
STAGE, ARCHIVED, ALIAS = "Production", "Archived", "champion"
#: Versions that are asked for at a time where only the latest changes are looked for.
PAGE = 10
#: Tag of a registered model whose registry refused to move a stage.
STAGELESS = "al.stages"
#: Tag of a version: why it was put into Production.
_PROMOTED = "al.promoted"
#: How such a registry says so.
_REFUSALS = ("unsupported", "not supported")
#: Registries that lend the keys to a version's files, and by its own URI only.
_LENDERS = ("databricks", "databricks-uc", "uc")


@dataclass(frozen=True)
class Standing:
    """The version in Production, and what was found on the way to it.

    Attributes:
        version: None where no version is in Production.
        by_hand: a person put it there, not the pipeline.
        undone: the pipeline went back to it, because somebody asked for that.
        others: versions that were in Production beside it.
        alias: version that the alias `champion` names; None where it names none.
        staged: it is in stage Production; else the alias alone says that it is meant.
        waiting: version that waits for a person's approval.
        rejected: versions that waited, and that a person has rejected.
        approved_by: who approved it, where it waited before.
    """

    version: int | None
    by_hand: bool = False
    others: tuple[int, ...] = ()
    alias: int | None = None
    undone: bool = False
    staged: bool = True
    waiting: int | None = None
    rejected: tuple[int, ...] = ()
    approved_by: str = ""

    @property
    def by(self) -> str:
        """Who put it there: pipeline, hand, undo or nobody."""
        if self.version is None:
            return "nobody"
        return "undo" if self.undone else "hand" if self.by_hand else "pipeline"


class Registry:
    """One registered model.

    Args:
        client: a connection of `al.tracking`, which has an MlflowClient's methods.
        name: of the registered model.
        owner: id of the campaign run that it belongs to.
    """

    def __init__(self, client: Any, name: str, campaign: str, owner: str) -> None:
        self._client = client
        self.name = name
        self.campaign = campaign
        self.owner = owner
        self.promotions = Promotions(client, name)
        self._known: tuple[int | None, list[Any]] | None = None  # versions, and when one moved
        self._stageless = False  # known once a stage was to be moved

    def uri(self, version: int) -> str:
        """How MLflow calls a version."""
        return f"models:/{self.name}/{version}"

    def weights_uri(self, version: int) -> str:
        """Where a version's weights are."""
        return f"{self.uri(version)}/{WEIGHTS}"

    # -- ownership -------------------------------------------------------------------------

    def claim(self) -> None:
        """Make the registered model, or make sure that it is this campaign's.

        Raises:
            RegistryError: another campaign, or nobody we know, owns it.
        """
        if self.check_free():
            self._client.make(
                lambda: self._client.raw.create_registered_model(
                    self.name,
                    tags={"al.campaign": self.campaign, "al.campaign_run": self.owner},
                    description=f"Champions of the active learning campaign {self.campaign}.",
                ),
                found=lambda: None if self.check_free() else self.name,
            )

    def check_free(self) -> bool:
        """Whether the name is free; False where it is this campaign's already.

        Raises:
            RegistryError: another campaign, or nobody we know, owns it.
        """
        try:
            found = self._client.get_registered_model(self.name)
        except MlflowException:
            return True
        if self.owner and found.tags.get("al.campaign_run") == self.owner:
            return False
        raise RegistryError(
            f"registered model {self.name!r} {self._held(found.tags)}: {self._way_out(found.tags)}"
        )

    def _held(self, tags: Mapping[str, str]) -> str:
        """Who has the registered model, in words."""
        holder, run = tags.get("al.campaign"), tags.get("al.campaign_run")
        if run is None or (holder is None and not self._is_deleted(run)):
            return "exists and is not a campaign's"
        if holder not in (None, self.campaign):
            return f"belongs to campaign {holder!r}"
        deleted = ", which is deleted" if self._is_deleted(run) else " in another experiment"
        return f"belongs to run {run} of {self.campaign!r}{deleted}"

    def _way_out(self, tags: Mapping[str, str]) -> str:
        """What a person does about a registered model that is not this campaign's."""
        run = tags.get("al.campaign_run")
        if self.owner:  # the campaign is there, and has kept its models under this name
            mine = f"set its tag al.campaign_run to {self.owner} if it is this campaign's, or "
            return f"{'' if run else mine}rename it, and the campaign makes another"
        other = "pass another model name, or rename it"
        holder = tags.get("al.campaign", self.campaign)
        same = holder == self.campaign and run and self._is_deleted(run)
        return f"restore that run, or {other}" if same else other

    def _is_deleted(self, run: str) -> bool:
        try:
            return self._client.get_run(run).info.lifecycle_stage == "deleted"
        except MlflowException:  # for good
            return False

    # -- who is in Production ----------------------------------------------------------------

    def standing(self, last: int | None) -> Standing:
        """Find the version to work with.

        MLflow's own `models:/NAME/Production` takes the highest number. Where a person moved
        a version there and left the former one in place, the person's is the one meant: it is
        the one that the pipeline did not put there, the latest moved if there are several.

        A person may move the alias instead, which is all that MLflow's present pages offer:
        where it alone differs from what the pipeline left, it is meant, and the stage follows.
        Where both were moved apart, the stage is meant.

        In a registry without stages the alias is all that there is.

        Args:
            last: version that was champion when the cycle before closed.
        """
        model = self._client.get_registered_model(self.name)
        versions = self._looked_at(model)
        return self._with_offers(self._standing(last, versions, model), versions, model)

    def _looked_at(self, model: Any) -> list[Any]:
        """The versions that count now, with the one that the alias names."""
        # Where there are no stages nothing tells when.
        stageless = model.tags.get(STAGELESS)
        versions = self._look(None if stageless else model.last_updated_timestamp)
        named = str(model.aliases.get(ALIAS) or "")  # giving an alias is not a move
        if named and all(str(version.version) != named for version in versions):
            versions += [there] if (there := self._version(int(named))) else []
        return versions

    def _look(self, moved: int | None) -> list[Any]:
        """The versions that count now: all of them at first, later those that matter or changed.

        When a version came, moved or went, its registered model says so, and the version says
        the same time; so that a look costs the same however many versions there are.

        Args:
            moved: when one last did; None where nothing tells.
        """
        known = self._known
        if known is None or moved is None or known[0] is None or moved < known[0]:
            self._known = (moved, self._versions())
        elif moved != known[0]:
            self._known = (moved, self._since(known[0], known[1]))
        assert self._known is not None
        return self._known[1]

    def _since(self, then: int, known: list[Any]) -> list[Any]:
        """The versions that were moved or made since then, and those known that matter still."""
        where, order = f"name='{self.name}'", ["last_updated_timestamp DESC"]
        found: dict[str, Any] = {}
        token = None
        try:
            while True:
                page = self._client.search_model_versions(where, PAGE, order, page_token=token)
                found |= {str(version.version): version for version in page}
                token = page.token
                if not token or page[-1].last_updated_timestamp < then:
                    break
        except MlflowException:  # a registry that cannot sort
            return self._versions()
        matters = (v for v in known if v.current_stage == STAGE or offers.waiting([v]))
        for version in matters:
            if str(version.version) not in found:
                there = self._version(int(version.version))  # it may have been deleted
                found |= {str(version.version): there} if there else {}
        return list(found.values())

    def _standing(self, last: int | None, versions: list[Any], model: Any) -> Standing:
        there = [v for v in versions if v.current_stage == STAGE]
        chosen_by_hand = [v for v in there if int(v.version) != last]
        alias = int(model.aliases.get(ALIAS) or 0) or None
        named = next((v for v in versions if int(v.version) == alias), None)
        stageless = model.tags.get(STAGELESS) == "none"
        if stageless and named is not None:
            there = [named]
            chosen_by_hand = [named] if alias not in (last, self._left()) else []
            version = named
        elif chosen_by_hand:
            version = max(chosen_by_hand, key=lambda v: (v.last_updated_timestamp, int(v.version)))
        elif named is not None and named not in there and alias not in (last, self._left()):
            chosen_by_hand, version = [named], named
        elif there:
            version = there[0]
        else:
            return Standing(None, by_hand=last is not None, alias=alias)
        number = int(version.version)
        undone = number != last and any(
            row.by == "undo" and row.version == number for row in self.promotions.all()[-1:]
        )
        others = tuple(sorted(int(v.version) for v in there if v is not version))
        by_hand = bool(chosen_by_hand) and not undone
        return Standing(number, by_hand, others, alias, undone, staged=version in there)

    def _with_offers(self, found: Standing, versions: list[Any], model: Any) -> Standing:
        """What was found, with what became of versions that wait for approval."""
        still, rejected, by = None, [], ""
        stageless = model.tags.get(STAGELESS) == "none"
        for version in offers.waiting(versions):
            number = int(version.version)
            if number == found.version:
                by = offers.approver(version)
            elif offers.is_left_alone(version, model.aliases, stageless=stageless):
                still = number
            else:
                rejected.append(number)
        return replace(found, waiting=still, rejected=tuple(rejected), approved_by=by)

    def _left(self) -> int | None:
        """The version that was last put into Production, or found there, on record."""
        rows = self.promotions.all()
        return rows[-1].version if rows else None

    def settle(self, standing: Standing) -> None:
        """Leave one version in Production, with the alias on it, or none; again is harmless."""
        if not standing.staged and standing.version is not None:
            self._move(standing.version, STAGE)
        for version in standing.others:
            self._move(version, ARCHIVED)
        if standing.by_hand:
            why = "approved" if standing.approved_by else "put into Production by hand"
            self.promotions.note(standing.version, standing.approved_by or "hand", why)
            if standing.version is not None:
                self._note(standing.version, why)
        if standing.version is not None and standing.approved_by:
            self._decide(standing.version, offers.APPROVED)
        for version in standing.rejected:
            self._decide(version, offers.REJECTED)
            if standing.version != version:
                self._move(version, ARCHIVED)
        if standing.version is None:
            if standing.alias is not None:  # of one that a person took out of Production
                self._client.delete_registered_model_alias(self.name, ALIAS)
        elif standing.alias != standing.version:
            self._client.set_registered_model_alias(self.name, ALIAS, str(standing.version))

    # -- asking a person ---------------------------------------------------------------------

    def offer(self, version: int, replaced: int | None) -> None:
        """Let a version wait for a person's approval, in place of another; twice is once."""
        there = {int(v.version): v for v in self._versions()}
        if offers.OFFER in there[version].tags:  # and a person may have decided by now
            return
        if replaced in there and there[replaced].tags.get(offers.OFFER) == offers.WAITS:
            self._decide(replaced, f"replaced by v{version}")
            self._move(replaced, ARCHIVED)
        self._known = None
        self._move(version, offers.STAGING)
        self._client.set_registered_model_alias(self.name, offers.CHALLENGER, str(version))
        self._client.set_model_version_tag(self.name, str(version), offers.OFFER, offers.WAITS)

    def rejected(self, digest: str) -> int | None:
        """The version of these weights that a person has rejected."""
        found = (v for v in self._versions() if v.tags.get(offers.OFFER) == offers.REJECTED)
        return next((int(v.version) for v in found if v.tags.get("al.weights") == digest), None)

    def how_to_decide(self, version: int) -> str:
        """What a person does about a version that waits."""
        tags = self._client.get_registered_model(self.name).tags
        return offers.how_to_decide(version, stageless=tags.get(STAGELESS) == "none")

    def _decide(self, version: int, how: str) -> None:
        """Remember how it went with a version that waited."""
        self._known = None  # tags are no move
        aliases = self._client.get_registered_model(self.name).aliases
        if str(aliases.get(offers.CHALLENGER)) == str(version):
            self._client.delete_registered_model_alias(self.name, offers.CHALLENGER)
        self._client.set_model_version_tag(self.name, str(version), offers.OFFER, how)

    # -- promoting ---------------------------------------------------------------------------

    def promote(self, version: int, why: str, *, again: bool = True) -> None:
        """Move a version to Production and all others there to Archived.

        Args:
            again: it may have begun before; False for a version that was registered for that
                just now, with the reason on it.
        """
        self.promotions.note(version, "pipeline", why)
        if again:
            self._note(version, why)
        self._move_alone(version)

    def undo(self, why: str, last: int | None) -> int:
        """Go back to the version that was in Production before the present one.

        One that was cut off is brought to its end instead.

        Args:
            last: version that was champion when the cycle before closed.

        Raises:
            RegistryError: there is no version to go back to.
        """
        there = {int(version.version) for version in self._versions()}
        rows = self.promotions.all()
        cut_off = bool(rows) and not rows[-1].done
        if cut_off and rows[-1].version in there:
            version, why = int(rows[-1].version or 0), rows[-1].why
        else:
            if cut_off:  # by the loss of where it went back to, so it went nowhere
                self.promotions.take_back()
            standing = self.standing(last)
            self.settle(standing)  # what was done by hand is on record before it is undone
            earlier = before(self.promotions.all(), there)
            if earlier is None:
                raise RegistryError(
                    f"no version of {self.name!r} that is still there was in Production before "
                    "this one: there is nothing to go back to"
                )
            version = earlier
            self.promotions.note(version, "undo", why, done=False)
        self._note(version, why)
        self._move_alone(version)
        self.promotions.finish()
        return version

    # -- versions ------------------------------------------------------------------------------

    def register(
        self,
        servable: Path,
        *,
        run_id: str,
        experiment_id: str,
        name: str,
        description: str,
        tags: Mapping[str, Any],
        promoted: str = "",
        again: bool = True,
    ) -> int:
        """Make a version of a folder that `save_servable` wrote, once for a run.

        Args:
            run_id: of the election; where it has made its version already, that one is it.
            name: of the LoggedModel behind the version; it carries the tags.
            description: what a person chooses by on the registry page.
            promoted: why it is to be promoted, where it is.
            again: the election may have made its version.
        """
        if again and (version := self.made_in(run_id)) is not None:
            return version
        noted = {key: str(value) for key, value in tags.items()}
        why = {_PROMOTED: promoted[:500]} if promoted else {}
        model = self._client.create_logged_model(
            experiment_id,
            name=re.sub(r"[^\w\-]", "_", name),
            source_run_id=run_id,
            model_type="pyfunc",
            tags=noted,
        )
        self._client.artifacts(model.artifact_location).save(servable)
        on_disk(model.artifact_location)
        self._client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
        self._client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)], again=False)
        made = self._client.make(
            lambda: self._client.raw.create_model_version(
                self.name,
                f"models:/{model.model_id}",
                run_id=run_id,
                tags={"al.election": run_id, **noted, **why},
                model_id=model.model_id,
                description=description,
            ),
            found=lambda: self._made_by(run_id),
        )
        # MLflow's own registration leaves this too: the model's page links to the version.
        link = json.dumps([{"name": self.name, "version": str(made.version)}])
        self._client.set_logged_model_tags(model.model_id, {"mlflow.modelVersions": link})
        return int(made.version)

    def fetch_weights(self, version: int, folder: Path) -> tuple[Path, str]:
        """A version's weights, copied into the folder, and their digest; no code is run.

        Weights that are gone, or not those that were registered, are restored from the
        checkpoint that they were taken from, and a line says so.

        Raises:
            RegistryError: the version has no weights, and none can be restored.
        """
        there = self._version(version)
        tags: Mapping[str, str] = there.tags if there else {}
        wanted = tags.get("al.weights")
        found = self._fetched(self._place(there), WEIGHTS, folder / "version") if there else None
        if found is not None and wanted in (None, digest_of(found)):
            return found, digest_of(found)
        if wanted is None:
            raise RegistryError(
                f"version {version} of {self.name!r} holds no weights of this project: move "
                "another version to Production"
            )
        checkpoint = tags.get("al.checkpoint", "")
        kept = self._fetched(f"models:/{checkpoint}", "", folder / "checkpoint")
        if kept is None or digest_of(kept) != wanted:
            raise RegistryError(
                f"the weights of version {version} of {self.name!r} are damaged or gone, and so is "
                "the checkpoint that they came from: restore them, or move another version to "
                "Production"
            )
        self._restore(str(there.source if there else ""), kept)
        _log.warning(
            f"the weights of version {version} of {self.name!r} were damaged or gone: restored "
            f"from checkpoint {checkpoint}"
        )
        return kept, wanted

    def _place(self, version: Any) -> str:
        """Where the files of a version are.

        By the URI of the version MLflow would first read the registered model with all its tags,
        of which each promotion leaves one, to see that it is not a prompt.
        """
        if get_registry_uri().partition(":")[0] in _LENDERS:
            return self.uri(version.version)
        return str(self._client.get_model_version_download_uri(self.name, str(version.version)))

    def _fetched(self, uri: str, name: str, folder: Path) -> Path | None:
        """What is kept there, copied; None where it is gone."""
        try:
            found: Path = self._client.artifacts(uri).fetch(name, folder)
        except (MlflowException, OSError):
            return None
        return found

    def _restore(self, source: str, weights: Path) -> None:
        """Put weights back into the LoggedModel behind a version."""
        if source.startswith("models:/m-"):
            model = self._client.get_logged_model(source.removeprefix("models:/"))
            self._client.artifacts(model.artifact_location).save(weights, WEIGHTS)
            on_disk(model.artifact_location)

    def made_by(self, version: int) -> str:
        """Id of the run that made a version; "" where none did."""
        found = self._version(version)
        return str(found.run_id or "") if found else ""

    def made_in(self, run_id: str) -> int | None:
        """The version that an election has made, by the election's run."""
        made = self._made_by(run_id)
        return int(made.version) if made else None

    def _made_by(self, run_id: str) -> Any | None:
        """The version that an election has made."""
        where = f"name='{self.name}' and run_id='{run_id}'"
        made = self._client.search_model_versions(where)
        return next((v for v in made if v.tags.get("al.election") == run_id), None)

    def _version(self, version: int) -> Any | None:
        """A version; None if no version has that number."""
        try:
            return self._client.get_model_version(self.name, str(version))
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None

    def _versions(self) -> list[Any]:
        return list(self._client.search_model_versions(f"name='{self.name}'", max_results=10_000))

    def has(self, version: int, digest: str | None = None) -> bool:
        """Whether a version is there, and of these weights, where both are known.

        The numbers of a registered model that was deleted begin again.
        """
        found = self._version(version)
        if found is None:
            return False
        known = found.tags.get("al.weights")
        return digest is None or known in (None, digest)

    def tag(self, version: int, key: str) -> str | None:
        """A tag of a version; None where it has none."""
        found = self._version(version)
        return None if found is None else found.tags.get(key)

    def link(self, version: int, run_id: str, step: int) -> None:
        """List a version among the models of a run, once; MLflow's page of the run leads there."""
        found = self._version(version)
        model = str(found.source if found else "").removeprefix("models:/")
        if model.startswith("m-"):  # else it was deleted, or somebody made it elsewhere
            self._client.log_outputs(run_id, [LoggedModelOutput(model, step)])

    def _note(self, version: int, why: str) -> None:
        """Say on the version how it came to be in Production."""
        self._client.set_model_version_tag(self.name, str(version), _PROMOTED, why[:500])

    def _move_alone(self, version: int) -> None:
        """Move a version to Production, all others there to Archived, and the alias to it.

        By calls of our own: MLflow's `archive_existing_versions` fails on PostgreSQL under
        psycopg 3. The version comes before the others go, so that one is there at any time;
        after a cut, the same call or the next cycle archives the others, and so it does with
        one that a person moves there after this look.
        """
        for other in self._look(self._move(version, STAGE)):
            number = int(other.version)
            if number == version:
                continue
            if waits := other.tags.get(offers.OFFER) == offers.WAITS:
                self._decide(number, f"replaced by v{version}")
            if waits or other.current_stage == STAGE:
                self._move(number, ARCHIVED)
        self._client.set_registered_model_alias(self.name, ALIAS, str(version))

    def _move(self, version: int, stage: str) -> int | None:
        """Move a version's stage; in a registry that has none, the alias alone tells.

        Returns:
            when it moved, which its registered model has too now; None where there are no stages.
        """
        if self._stageless:
            return None
        try:
            return self._transition(version, stage)
        except MlflowException as error:
            if not any(words in str(error).lower() for words in _REFUSALS):
                raise
            self._stageless = True
            self._client.set_registered_model_tag(self.name, STAGELESS, "none")
            _log.info(f"the registry has no stages: models:/{self.name}@{ALIAS} is the champion")
            return None

    def _transition(self, version: int, stage: str) -> int:
        with warnings.catch_warnings():  # stages are deprecated, and what people promote by
            warnings.simplefilter("ignore", FutureWarning)
            moved = self._client.transition_model_version_stage(self.name, str(version), stage)
        return int(moved.last_updated_timestamp)
