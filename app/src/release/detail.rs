//! The page of one release: what was signed, the files that belong to it, where it is rolled out, and taking it back.

use super::{
    calls::{WithdrawRelease, WriteNotes, get_release},
    fit::Wanted,
    words::{ChannelBadge, End, ReleaseMark, use_end},
};
use crate::{
    error::PortalError,
    layout::{PageHead, load_named, named_id, refetch_after, use_me},
    live,
    rollout::{RolloutMark, calls::list_rollouts},
    ui::{
        ButtonKind, Bytes, Confirm, Count, Exact, Fact, Facts, Form, Hidden, LinkButton, Load, Notice,
        OptionTime, Panel, Status, StatusKind, Submit, Table, TextArea, Time,
    },
};
use entity::{
    agent_release::{ArtifactView, NOTES_MAX, ReleaseDetail, ReleaseState, ReleaseView},
    command::REASON_MAX,
    id::ReleaseId,
    policy::Action,
    portal_event::PortalEvent,
    release::{ArtifactKind, Sha256Hex},
    rollout::{RolloutQuery, RolloutRow},
};
use leptos::prelude::*;

/// One release.
#[component]
pub fn ReleasePage() -> impl IntoView {
    let found = load_named("id", move |id: ReleaseId| async move {
        let (release, rollouts) = (get_release(id).await?, rollouts_of(id).await?);
        Ok::<_, PortalError>((release, rollouts))
    });
    let id = named_id::<ReleaseId>("id");
    live::refetch_on(found, |event| matches!(event, PortalEvent::Release | PortalEvent::Rollout { .. }));
    let write = ServerAction::<WriteNotes>::new();
    refetch_after(write, found);
    let withdraw = ServerAction::<WithdrawRelease>::new();
    refetch_after(withdraw, found);
    view! {
        <Load resource=found let:known>
            {
                let (detail, rollouts) = known;
                view! {
                    <Head detail=detail.clone() withdraw/>
                    <div class="stack">
                        <State detail=detail.clone()/>
                        <Files artifacts=detail.artifacts.clone()/>
                        <Signed detail=detail.clone()/>
                        <Rollouts rollouts id=id.get_untracked()/>
                        <Notes release=detail.release.clone() may_manage=detail.may_manage write/>
                    </div>
                }
            }
        </Load>
    }
}

async fn rollouts_of(id: ReleaseId) -> Result<Vec<RolloutRow>, PortalError> {
    let query = RolloutQuery { release_id: Some(id), limit: Some(ROLLOUTS_SHOWN), ..RolloutQuery::default() };
    Ok(list_rollouts(query).await?.items)
}

/// The newest of them; the others are a link away.
const ROLLOUTS_SHOWN: u32 = 5;

#[component]
fn Head(detail: ReleaseDetail, withdraw: ServerAction<WithdrawRelease>) -> impl IntoView {
    let may_roll_out = use_me().may(Action::ManageRollout);
    let release = detail.release;
    let (shown, id) = (release.clone(), release.id);
    let is_there = release.state != ReleaseState::Withdrawn;
    let is_ready = release.state == ReleaseState::Available && !release.is_expired && !release.is_untrusted;
    let is_incomplete = release.state == ReleaseState::Incomplete;
    let (may_manage, version) = (detail.may_manage, release.version.clone());
    view! {
        <PageHead
            title=format!("Release {version}")
            up=("Releases", "/releases")
            facts=move || view! {
                <ul class="fact-line">
                    <li><ReleaseMark release=shown.clone()/></li>
                    <li><ChannelBadge channel=shown.channel/></li>
                    <li>"Sequence " {shown.seq}</li>
                    <li>{devices(shown.devices)}</li>
                </ul>
            }.into_any()
            action=move || {
                let version = version.clone();
                view! {
                    {(may_manage && is_there).then(|| view! {
                        <Confirm action=withdraw label="Withdraw" title=format!("Withdraw {version}?") confirm="Withdraw it for good">
                            <p>
                                "It is offered to no device any more, and rollouts of it end. Devices that run it keep it. \
                                 Whoever wants it again signs it with a higher sequence."
                            </p>
                            <Hidden name="id" value=id.to_string()/>
                            <TextArea name="withdraw_reason" label="Why" rows=2 max_length=REASON_MAX/>
                        </Confirm>
                    })}
                    {(may_manage && is_incomplete).then(|| view! {
                        <LinkButton href=format!("/releases/upload?release={id}") kind=ButtonKind::Primary>"Upload files"</LinkButton>
                    })}
                    {(may_roll_out && is_ready).then(|| view! {
                        <LinkButton href=format!("/rollouts/new?release={id}") kind=ButtonKind::Primary>"Roll out"</LinkButton>
                    })}
                }
                .into_any()
            }
        />
    }
}

fn devices(count: u64) -> String {
    match count {
        0 => "No device runs it".to_owned(),
        1 => "1 device runs it".to_owned(),
        many => format!("{} devices run it", crate::ui::format::count(many)),
    }
}

/// What keeps it from being rolled out, and what to do about it.
#[component]
fn State(detail: ReleaseDetail) -> impl IntoView {
    let release = detail.release;
    let missing = release.artifacts.saturating_sub(release.artifacts_stored);
    let end = use_end(release.expires_at);
    let (expires, is_there) = (release.expires_at, release.state != ReleaseState::Withdrawn);
    view! {
        {withdrawn(&release)}
        {(is_there && release.is_untrusted).then(|| view! {
            <Notice kind=StatusKind::Bad>
                "The root that is in force does not vouch for its signature: a key was taken away. No device takes it until \
                 it is signed again with a key of the root, and uploaded."
            </Notice>
        })}
        {(release.state == ReleaseState::Incomplete).then(|| view! {
            <Notice kind=StatusKind::Warn>
                {if missing == 1 { "1 file is missing.".to_owned() } else { format!("{missing} files are missing.") }}
                " It can be rolled out when all are here."
            </Notice>
        })}
        {move || match end.get() {
            _ if !is_there => None,
            End::Far => None,
            End::Near => Some(view! {
                <Notice kind=StatusKind::Warn>
                    "Its manifest is good until " <Exact at=expires/> ". Sign it again with “reeve-release renew” before, and \
                     upload the new manifest."
                </Notice>
            }.into_any()),
            End::Past => Some(view! {
                <Notice kind=StatusKind::Bad>
                    "Its manifest was good until " <Exact at=expires/> ". No device takes it until it is signed again with \
                     “reeve-release renew” and the new manifest is uploaded."
                </Notice>
            }.into_any()),
        }}
    }
}

fn withdrawn(release: &ReleaseView) -> Option<impl IntoView + use<>> {
    let at = release.withdrawn_at?;
    let by = release.withdrawn_by.clone().map(|who| format!(" by {who}")).unwrap_or_default();
    let why = release.withdrawn_reason.clone();
    Some(view! {
        <Notice kind=StatusKind::Info>
            "Withdrawn " <Exact at/> {by} "."
            {why.map(|why| view! { " " <span class="said-note">{why}</span> })}
        </Notice>
    })
}

#[component]
fn Files(artifacts: Vec<ArtifactView>) -> impl IntoView {
    let rows = artifacts.into_iter().map(|artifact| {
        let what = Wanted::from(&artifact).words();
        let (kind, word) = match artifact.stored_at {
            Some(_) => (StatusKind::Ok, "Here"),
            None => (StatusKind::Warn, "Missing"),
        };
        let digest = artifact.sha256;
        // Devices say which agent they run, not which updater.
        let count = (artifact.kind == ArtifactKind::Agent).then(|| view! { <Count value=artifact.devices/> });
        view! {
            <tr>
                <td class="main" title=artifact.file_name>{what}</td>
                <td class="aside"><Status kind word/></td>
                <td class="num">{artifact.size_bytes} " " <span class="quiet">"(" <Bytes value=artifact.size_bytes/> ")"</span></td>
                <td class="sub digest mono" title=digest.to_string()>{digest.to_string()}</td>
                <td class="mono">{artifact.build_id}</td>
                <td class="num">{count}</td>
                <td class="sub-aside"><OptionTime at=artifact.stored_at none="not yet"/></td>
            </tr>
        }
    });
    view! {
        <Panel title="Files">
            <Table label="Files">
                <thead>
                    <tr>
                        <th scope="col" class="main">"What"</th>
                        <th scope="col" class="aside">"State"</th>
                        <th scope="col" class="num">"Bytes"</th>
                        <th scope="col" class="sub">"SHA-256"</th>
                        <th scope="col">"Build"</th>
                        <th scope="col" class="num">"Devices"</th>
                        <th scope="col" class="sub-aside">"Uploaded"</th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </Table>
        </Panel>
    }
}

#[component]
fn Signed(detail: ReleaseDetail) -> impl IntoView {
    let release = detail.release;
    let by = release.created_by.unwrap_or_else(|| "the command line".to_owned());
    let from = |seq: u64, none: &str| if seq == 0 { none.to_owned() } else { format!("sequence {seq}") };
    view! {
        <Panel title="What was signed">
            <Facts>
                <Fact label="Manifest, SHA-256"><span class="mono">{detail.manifest_sha256.to_string()}</span></Fact>
                <Fact label="Signed"><Exact at=release.issued_at/> {signed_by(&detail.signers)}</Fact>
                <Fact label="Good until"><Exact at=release.expires_at/></Fact>
                <Fact label="Uploaded"><Exact at=release.created_at/> " by " {by}</Fact>
                <Fact label="Devices may come from">{from(detail.min_from, "any version")}</Fact>
                <Fact label="No longer secure below">{from(detail.min_secure, "none")}</Fact>
                <Fact label="Must not run again"><Revoked digests=detail.revoked/></Fact>
            </Facts>
        </Panel>
    }
}

fn signed_by(signers: &[String]) -> String {
    if signers.is_empty() {
        ", by a key that no root knows".to_owned()
    } else {
        format!(" by {}", signers.join(", "))
    }
}

#[component]
fn Revoked(digests: Vec<Sha256Hex>) -> impl IntoView {
    if digests.is_empty() {
        return "none".into_any();
    }
    let rows = digests.into_iter().map(|digest| view! { <li class="mono">{digest.to_string()}</li> });
    view! { <ul>{rows.collect_view()}</ul> }.into_any()
}

#[component]
fn Rollouts(rollouts: Vec<RolloutRow>, id: Option<ReleaseId>) -> impl IntoView {
    let all = id.map(|id| format!("/rollouts?release_id={id}")).unwrap_or_default();
    let is_empty = rollouts.is_empty();
    let rows = rollouts.into_iter().map(|rollout| {
        let href = format!("/rollouts/{}", rollout.id);
        view! {
            <tr>
                <td class="main"><a class="row-link" href=href>{rollout.name}</a></td>
                <td class="aside"><RolloutMark state=rollout.state/></td>
                <td class="sub">{rollout.target_label}</td>
                <td>{format!("Wave {} of {}", rollout.wave, rollout.waves)}</td>
                <td class="sub-aside"><Time at=rollout.created_at/></td>
            </tr>
        }
    });
    view! {
        <Panel
            title="Rollouts"
            actions=move || (!is_empty).then(|| view! { <a href=all.clone()>"All rollouts of it"</a> }).into_any()
        >
            {if is_empty {
                view! { <p class="quiet">"It was not rolled out so far."</p> }.into_any()
            } else {
                view! {
                    <Table label="Rollouts">
                        <thead>
                            <tr>
                                <th scope="col" class="main">"Rollout"</th>
                                <th scope="col" class="aside">"State"</th>
                                <th scope="col" class="sub">"For"</th>
                                <th scope="col">"How far"</th>
                                <th scope="col" class="sub-aside">"Made"</th>
                            </tr>
                        </thead>
                        <tbody>{rows.collect_view()}</tbody>
                    </Table>
                }.into_any()
            }}
        </Panel>
    }
}

/// What is new; may be written anew, because it is not signed for devices but for people.
#[component]
fn Notes(release: ReleaseView, may_manage: bool, write: ServerAction<WriteNotes>) -> impl IntoView {
    let notes = release.notes.clone();
    view! {
        <Panel title="Notes">
            {if release.notes.is_empty() {
                view! { <p class="quiet">"Nothing was written about what is new."</p> }.into_any()
            } else {
                view! { <p class="said-note">{release.notes}</p> }.into_any()
            }}
            {may_manage.then(|| view! {
                <details class="disclosure">
                    <summary>"Write other notes"</summary>
                    <Form action=write>
                        <Hidden name="id" value=release.id.to_string()/>
                        <TextArea name="notes" label="What is new" value=notes rows=6 max_length=NOTES_MAX/>
                        <Submit>"Save"</Submit>
                    </Form>
                </details>
            })}
        </Panel>
    }
}
