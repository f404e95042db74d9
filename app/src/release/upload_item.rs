//! One program that was chosen for an upload: it is read, compared with what the release wants, sent, and compared with
//! what the server got.

use super::{
    file,
    fit::{Fit, Wanted, fit},
    pace::Pace,
    send::OnItsWay,
    words::platform_words,
};
use crate::ui::{
    Button, ButtonKind, Bytes, Fact, Facts, Progress, Status, StatusKind, clock::browser_now, format,
};
use entity::{
    agent_release::StoredArtifact,
    platform::{Arch, Os},
    problem::Problem,
    release::{Sha256Hex, program::Platform},
};
use leptos::{ev, prelude::*};
use send_wrapper::SendWrapper;
use web_sys::File;

/// How far a program has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The browser reads it.
    Reading,
    /// It cannot be one of a release; why.
    Unfit(String),
    /// Read, and not sent yet.
    Ready,
    /// It is its turn soon.
    Waiting,
    /// Its bytes go.
    Sending,
    /// All bytes have gone; the server looks at them.
    Looking,
    /// The server has it.
    Stored(StoredArtifact),
    /// The server did not take it; why.
    Refused(Problem),
    /// The person took it back.
    Cancelled,
}

impl Stage {
    const fn is_under_way(&self) -> bool {
        matches!(self, Self::Waiting | Self::Sending | Self::Looking)
    }

    /// Would it be sent?
    pub(super) const fn wants_sending(&self) -> bool {
        matches!(self, Self::Ready | Self::Refused(_) | Self::Cancelled)
    }

    fn mark(&self) -> (StatusKind, &'static str) {
        match self {
            Self::Reading => (StatusKind::Info, "Reading"),
            Self::Unfit(_) => (StatusKind::Bad, "Not a file of a release"),
            Self::Ready => (StatusKind::Info, "Not sent yet"),
            Self::Waiting => (StatusKind::Info, "Waiting for the one before"),
            Self::Sending => (StatusKind::Info, "On its way"),
            Self::Looking => (StatusKind::Info, "The server looks at it"),
            Self::Stored(_) => (StatusKind::Ok, "Stored"),
            Self::Refused(_) => (StatusKind::Bad, "Not taken"),
            Self::Cancelled => (StatusKind::Off, "Cancelled"),
        }
    }
}

/// What is said of a program beside its bytes. Read from it at first; a person may say otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// For which system.
    pub os: Os,
    /// For which processor.
    pub arch: Arch,
}

/// A program that was chosen.
#[derive(Clone, Copy)]
pub(super) struct Item {
    /// Unlike that of any other on the page.
    pub id: usize,
    /// Its bytes.
    pub file: StoredValue<SendWrapper<File>>,
    /// How many.
    pub size: u64,
    /// How many of them were read.
    read: RwSignal<u64>,
    /// What was read.
    pub found: RwSignal<Option<(Platform, Sha256Hex)>>,
    /// What is said of it.
    pub said: RwSignal<Option<Said>>,
    /// How many bytes have gone.
    sent: RwSignal<u64>,
    pace: RwSignal<Pace>,
    /// How far it has come.
    pub stage: RwSignal<Stage>,
    /// Its request.
    pub on_its_way: OnItsWay,
}

impl Item {
    /// Begins to read it.
    pub(super) fn new(id: usize, file: File) -> Self {
        let item = Self {
            id,
            size: file::size(&file),
            file: StoredValue::new(SendWrapper::new(file.clone())),
            read: RwSignal::new(0),
            found: RwSignal::new(None),
            said: RwSignal::new(None),
            sent: RwSignal::new(0),
            pace: RwSignal::new(Pace::default()),
            stage: RwSignal::new(Stage::Reading),
            on_its_way: OnItsWay::new(),
        };
        leptos::task::spawn_local(async move {
            // Nobody waits any more once the page or the item is gone.
            let told = move |bytes| item.read.try_set(bytes).is_none();
            match file::read_program(&file, told).await {
                Ok(Some(found)) => item.is_read(found),
                Ok(None) => {}
                Err(why) => {
                    let _ = item.stage.try_set(Stage::Unfit(why));
                }
            }
        });
        item
    }

    fn is_read(self, found: (Platform, Sha256Hex)) {
        let said = Said { os: found.0.os, arch: found.0.arch };
        let _ = self.said.try_set(Some(said));
        let _ = self.found.try_set(Some(found));
        let _ = self.stage.try_set(Stage::Ready);
    }

    /// What it is among the files that are wanted; nothing while it is not known.
    pub(super) fn fit(self, wanted: &[Wanted]) -> Option<Fit> {
        if wanted.is_empty() {
            return None;
        }
        self.found.with(|found| found.as_ref().map(|(platform, sha256)| fit(*platform, sha256, wanted)))
    }

    /// Some bytes have gone.
    pub(super) fn has_sent(self, bytes: u64) {
        // What stands around the file counts too, and is not of interest.
        let bytes = bytes.min(self.size);
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of this era fit")]
        let now = browser_now().timestamp_millis() as f64;
        let _ = self.pace.try_update(|pace| pace.see(now, bytes));
        let _ = self.sent.try_set(bytes);
        if bytes == self.size {
            let _ = self.stage.try_set(Stage::Looking);
        }
    }

    /// Its bytes begin to go, from the first.
    pub(super) fn begins(self) {
        let _ = self.pace.try_set(Pace::default());
        self.has_sent(0);
        let _ = self.stage.try_set(Stage::Sending);
    }

    /// The person takes it back.
    pub(super) fn cancel(self) {
        let _ = self.stage.try_set(Stage::Cancelled);
        self.on_its_way.cancel();
    }
}

/// A program as people see it.
#[component]
pub(super) fn ItemCard(
    /// Which.
    item: Item,
    /// What the release wants; empty while that is not known.
    #[prop(into)]
    wanted: Signal<Vec<Wanted>>,
    /// Takes it off the list.
    remove: Callback<usize>,
    /// Sends it once more.
    again: Callback<usize>,
) -> impl IntoView {
    let name = item.file.with_value(|file| file::name(file));
    let title = format!("upload-{}", item.id);
    let labelled = title.clone();
    view! {
        <li class="upload" aria-labelledby=labelled>
            <div class="upload-head">
                <b class="upload-name" id=title>{name.clone()}</b>
                <Bytes value=item.size/>
                <span class="upload-stage" role="status">
                    {move || {
                        let (kind, word) = item.stage.with(Stage::mark);
                        view! { <Status kind word/> }
                    }}
                </span>
                <ItemButtons item name=name.clone() remove again/>
            </div>
            {move || item.stage.with(|stage| *stage == Stage::Reading).then(|| view! {
                <Progress label=format!("Reading {name}") done=item.read total=Signal::stored(item.size)/>
            })}
            {move || item.found.get().map(|(platform, sha256)| view! { <Found item platform sha256 wanted/> })}
            <Under item/>
            {move || said_of(item, wanted).map(|why| view! { <p class="field-problem" role="alert">{why}</p> })}
        </li>
    }
}

/// What is wrong with it, in a sentence.
fn said_of(item: Item, wanted: Signal<Vec<Wanted>>) -> Option<String> {
    match item.stage.get() {
        Stage::Unfit(why) => Some(why),
        Stage::Refused(problem) => Some(problem.detail),
        Stage::Stored(_) => None,
        _ => match wanted.with(|wanted| item.fit(wanted)) {
            Some(Fit::Misfit(why)) => Some(why),
            _ => None,
        },
    }
}

#[component]
fn ItemButtons(item: Item, name: String, remove: Callback<usize>, again: Callback<usize>) -> impl IntoView {
    move || {
        let stage = item.stage.get();
        let name = name.clone();
        view! {
            <span class="upload-buttons">
                {matches!(stage, Stage::Refused(_) | Stage::Cancelled).then(|| view! {
                    <Button attr:aria-label=format!("Send {name} again") on:click=move |_| again.run(item.id)>"Try again"</Button>
                })}
                {stage.is_under_way().then(|| view! {
                    <Button attr:aria-label=format!("Cancel {name}") on:click=move |_| item.cancel()>"Cancel"</Button>
                })}
                {(!stage.is_under_way()).then(|| view! {
                    <Button kind=ButtonKind::Quiet attr:aria-label=format!("Remove {name} from the list") on:click=move |_| remove.run(item.id)>
                        "Remove"
                    </Button>
                })}
            </span>
        }
    }
}

/// What was read of it, and what the server says of the same.
#[component]
fn Found(item: Item, platform: Platform, sha256: Sha256Hex, wanted: Signal<Vec<Wanted>>) -> impl IntoView {
    let here = sha256.clone();
    let stored = move || match item.stage.get() {
        Stage::Stored(stored) => Some(stored),
        _ => None,
    };
    view! {
        <Facts>
            <Fact label="In its header">{platform_words(platform.os, platform.arch, platform.libc)}</Fact>
            <Fact label="In the manifest">
                {move || match wanted.with(|wanted| item.fit(wanted)) {
                    None => view! { <span class="absent">"not looked at yet"</span> }.into_any(),
                    Some(Fit::Named(wanted)) => {
                        let word = wanted.words();
                        let note = if wanted.is_stored { ", on the server already" } else { "" };
                        view! { <Status kind=StatusKind::Ok word/> {note} }.into_any()
                    }
                    Some(Fit::Misfit(_)) => view! { <Status kind=StatusKind::Bad word="Not this file"/> }.into_any(),
                }}
            </Fact>
        </Facts>
        <SaidFields item/>
        <dl class="digests">
            <dt>"SHA-256 here"</dt>
            <dd class="mono">{sha256.to_string()}</dd>
            <dt>"on the server"</dt>
            <dd class="mono">
                {move || match stored() {
                    Some(stored) => {
                        let is_same = stored.sha256 == here;
                        let (kind, word) = if is_same {
                            (StatusKind::Ok, "the same")
                        } else {
                            (StatusKind::Bad, "another one: send it again")
                        };
                        view! { {stored.sha256.to_string()} " " <Status kind word/> }.into_any()
                    }
                    None => view! { <span class="absent">"when it is there"</span> }.into_any(),
                }}
            </dd>
        </dl>
    }
}

/// How its bytes go.
#[component]
fn Under(item: Item) -> impl IntoView {
    let words = Signal::derive(move || {
        item.pace.with(|pace| match (pace.bytes_per_second(), pace.seconds_left(item.size)) {
            (Some(rate), Some(left)) if left > 0 => {
                format!("{}, {} left", format::bytes_per_second(rate), format::duration(left))
            }
            (Some(rate), _) => format::bytes_per_second(rate).to_string(),
            _ => String::new(),
        })
    });
    let is_shown = Memo::new(move |_| {
        item.stage.with(|stage| matches!(stage, Stage::Sending | Stage::Looking | Stage::Stored(_)))
    });
    let name = item.file.with_value(|file| file::name(file));
    move || {
        let label = format!("Sending {name}");
        is_shown
            .get()
            .then(|| view! { <Progress label done=item.sent total=Signal::stored(item.size) words/> })
    }
}

/// What is said of it beside its bytes.
#[component]
fn SaidFields(item: Item) -> impl IntoView {
    let change = move |apply: fn(&mut Said, &str)| {
        move |event: ev::Event| {
            let word = event_target_value(&event);
            item.said.update(|said| {
                if let Some(said) = said {
                    apply(said, &word);
                }
            });
        }
    };
    let systems = Os::ALL.iter().map(|os| (os.word(), os.label()));
    let arches = Arch::ALL.iter().map(|arch| (arch.word(), arch.word()));
    let of = move |word: fn(Said) -> &'static str| Memo::new(move |_| item.said.get().map(word));
    view! {
        <div class="upload-fields">
            <SaidSelect
                label="System"
                options=systems.collect()
                value=of(|said| said.os.word())
                on:change=change(|said, word| said.os = word.parse().unwrap_or(said.os))
            />
            <SaidSelect
                label="Processor"
                options=arches.collect()
                value=of(|said| said.arch.word())
                on:change=change(|said, word| said.arch = word.parse().unwrap_or(said.arch))
            />
        </div>
    }
}

#[component]
fn SaidSelect(
    label: &'static str,
    options: Vec<(&'static str, &'static str)>,
    value: Memo<Option<&'static str>>,
) -> impl IntoView {
    let options = options.into_iter().map(|(word, label)| {
        view! { <option value=word prop:selected=move || value.get() == Some(word)>{label}</option> }
    });
    view! {
        <label class="field">
            <span class="field-label">{label}</span>
            <select class="input">{options.collect_view()}</select>
        </label>
    }
}
