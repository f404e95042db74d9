//! What the page of an upload does: reads what was chosen, sends one file after the other, and says what came of it.

use super::{
    calls::is_ready_to_upload,
    file::{self, Meant, SignedManifest},
    fit::{Fit, Wanted},
    send::{OnItsWay, send},
    upload_item::{Item, Said, Stage},
};
use crate::ui::step_up::{StepUp, is_asked_for, use_step_up};
use entity::{
    agent_release::{ReleaseDetail, UploadAnswer},
    problem::Problem,
};
use leptos::{html, prelude::*};
use std::sync::Arc;
use wasm_bindgen::JsCast;
use web_sys::{Blob, File, FormData, HtmlInputElement, HtmlTextAreaElement};

/// What the page holds.
#[derive(Clone, Copy)]
pub(super) struct Upload {
    /// The form, whose fields are read when something is sent.
    pub form: NodeRef<html::Form>,
    /// The release that the page is about.
    pub known: StoredValue<Option<ReleaseDetail>>,
    /// The manifest that was chosen.
    pub manifest: RwSignal<Option<SignedManifest>>,
    /// The manifest that the server has taken, so that it is sent once.
    taken: StoredValue<Option<String>>,
    /// The programs that were chosen.
    pub items: RwSignal<Vec<Item>>,
    /// What the signals of the items live in, for as long as the page does.
    scopes: StoredValue<Vec<Owner>>,
    /// What is wrong with the whole.
    pub problem: RwSignal<Option<Problem>>,
    /// True while something is sent.
    pub pending: RwSignal<bool>,
    /// What came of it last.
    pub answer: RwSignal<Option<UploadAnswer>>,
    on_its_way: OnItsWay,
    /// Asks for a proof.
    pub step_up: StepUp,
}

impl Upload {
    /// For a release that some files are missing of, or for another one; with what was refused before.
    pub(super) fn new(known: Option<ReleaseDetail>, problem: Option<Problem>) -> Self {
        Self {
            form: NodeRef::new(),
            known: StoredValue::new(known),
            manifest: RwSignal::new(None),
            taken: StoredValue::new(None),
            items: RwSignal::new(Vec::new()),
            scopes: StoredValue::new(Vec::new()),
            problem: RwSignal::new(problem),
            pending: RwSignal::new(false),
            answer: RwSignal::new(None),
            on_its_way: OnItsWay::new(),
            step_up: use_step_up(),
        }
    }

    /// What the release wants; empty while that is not known.
    pub(super) fn wanted(self) -> Vec<Wanted> {
        let chosen = self.manifest.with(|chosen| {
            chosen.as_ref().map(|chosen| chosen.manifest.artifacts.iter().map(Wanted::from).collect())
        });
        chosen.unwrap_or_else(|| {
            self.known.with_value(|known| {
                known.iter().flat_map(|known| known.artifacts.iter().map(Wanted::from)).collect()
            })
        })
    }

    /// Sorts what was chosen or dropped by what it is, wherever it was dropped. What is neither is told of where it was
    /// put.
    pub(super) fn take(self, files: Vec<File>, meant: Meant) {
        leptos::task::spawn_local(async move {
            for file in files {
                if file::looks_like(&file).await.unwrap_or(meant) == Meant::Manifest {
                    self.take_manifest(&file).await;
                } else {
                    self.add(file);
                }
            }
        });
    }

    async fn take_manifest(self, file: &File) {
        match file::read_manifest(file).await {
            Ok(chosen) => {
                self.fill_in("version", chosen.manifest.version.as_str());
                self.fill_in("notes", &chosen.manifest.notes);
                let _ = self.manifest.try_set(Some(chosen));
                let _ = self.problem.try_set(None);
            }
            Err(why) => {
                let _ = self.manifest.try_set(None);
                let _ = self.problem.try_set(Some(Problem::invalid("manifest", why)));
            }
        }
    }

    fn add(self, file: File) {
        let Some(before) = self.scopes.try_with_value(Vec::len) else { return };
        let scope = Owner::new();
        let item = scope.with(|| Item::new(before, file));
        let _ = self.scopes.try_update_value(|scopes| scopes.push(scope));
        let _ = self.items.try_update(|items| items.push(item));
        let _ = self.problem.try_set(None);
    }

    /// Sends whatever is not there yet.
    pub(super) fn start(self) {
        self.problem.set(None);
        let wanted = untrack(|| self.wanted());
        let items = self.items.get_untracked();
        let is_new = self.manifest.with_untracked(|chosen| {
            chosen
                .as_ref()
                .is_some_and(|chosen| self.taken.with_value(|taken| taken.as_ref() != Some(&chosen.envelope)))
        });
        let wants = |item: &&Item| item.stage.with_untracked(Stage::wants_sending);
        let fits = |item: &&Item| !untrack(|| matches!(item.fit(&wanted), Some(Fit::Misfit(_))));
        let ready: Vec<&Item> = items.iter().filter(wants).filter(fits).collect();
        for item in &ready {
            item.stage.set(Stage::Waiting);
        }
        if ready.is_empty() && !is_new {
            let is_reading = |item: &Item| item.stage.with_untracked(|stage| *stage == Stage::Reading);
            let sentence = if items.is_empty() {
                "Choose a program, or the signed manifest of a release."
            } else if items.iter().any(is_reading) {
                "The browser still reads these files. Press Upload once it has."
            } else {
                "None of these files is left to send; what is the matter stands at each."
            };
            return self.problem.set(Some(Problem::invalid("file", sentence)));
        }
        self.run();
    }

    /// Sends one program once more.
    pub(super) fn again(self, id: usize) {
        let items = self.items.get_untracked();
        if let Some(item) = items.iter().find(|item| item.id == id) {
            item.stage.set(Stage::Waiting);
            self.run();
        }
    }

    /// Sends one after the other, unless that is being done.
    fn run(self) {
        if self.pending.get_untracked() {
            return;
        }
        self.pending.set(true);
        leptos::task::spawn_local(async move {
            if let Err(problem) = self.send_all().await {
                self.stop(problem);
            }
            let _ = self.pending.try_set(false);
        });
    }

    async fn send_all(self) -> Result<(), Problem> {
        // Before anything large goes: is it known well enough who sends it?
        is_ready_to_upload().await.map_err(|error| error.0)?;
        let envelope = self.manifest.try_with_untracked(|chosen| chosen.as_ref().map(|c| c.envelope.clone()));
        let envelope = envelope.flatten();
        if let Some(envelope) =
            envelope.filter(|envelope| self.taken.try_get_value().flatten().as_ref() != Some(envelope))
        {
            let form = self.form_data(None)?;
            append(&form, "manifest", &envelope)?;
            let answer = send(&form, self.on_its_way, |_| {}).await?;
            let _ = self.answer.try_set(Some(answer));
            let _ = self.taken.try_set_value(Some(envelope));
        }
        while let Some(item) = self.next_waiting() {
            self.send_one(item).await?;
        }
        Ok(())
    }

    fn next_waiting(self) -> Option<Item> {
        let is_waiting = |item: &&Item| item.stage.with_untracked(|stage| *stage == Stage::Waiting);
        self.items.try_with_untracked(|items| items.iter().find(is_waiting).copied()).flatten()
    }

    /// A problem of this file alone stays with it; any other ends the whole.
    async fn send_one(self, item: Item) -> Result<(), Problem> {
        let form = self.form_data(item.said.get_untracked())?;
        if let Some((_, sha256)) = item.found.get_untracked() {
            append(&form, "sha256", sha256.as_str())?;
        }
        let appended = item.file.with_value(|file| {
            let blob: &Blob = file.as_ref();
            form.append_with_blob_and_filename("file", blob, &file::name(file)).is_ok()
        });
        if !appended {
            return Err(Problem::invalid(
                "file",
                "The browser cannot read this file any more. Choose it again.",
            ));
        }
        item.begins();
        let sent = send(&form, item.on_its_way, move |bytes| item.has_sent(bytes)).await;
        if item.stage.try_with_untracked(|stage| *stage == Stage::Cancelled).unwrap_or(true) {
            return Ok(());
        }
        match sent {
            Ok(answer) => {
                let stage = answer.artifact.clone().map_or(Stage::Ready, Stage::Stored);
                item.stage.set(stage);
                self.answer.set(Some(answer));
                Ok(())
            }
            Err(problem) if is_asked_for(&problem) => {
                item.stage.set(Stage::Waiting);
                Err(problem)
            }
            Err(problem) => {
                if matches!(problem.field.as_deref(), Some("manifest" | "version" | "notes")) {
                    self.problem.set(Some(problem.clone()));
                }
                item.stage.set(Stage::Refused(problem));
                Ok(())
            }
        }
    }

    /// Nothing goes on until somebody does something; a proof that is asked for goes on by itself.
    fn stop(self, problem: Problem) {
        for item in self.items.try_get_untracked().unwrap_or_default() {
            item.stage.update(|stage| {
                if *stage == Stage::Waiting {
                    *stage = Stage::Ready;
                }
            });
        }
        if is_asked_for(&problem) {
            self.step_up.ask(Arc::new(move || self.start()));
        }
        let _ = self.problem.try_set(Some(problem));
    }

    /// The page goes: so does what is on its way.
    pub(super) fn leave(self) {
        self.on_its_way.cancel();
        for item in self.items.try_get_untracked().unwrap_or_default() {
            item.on_its_way.cancel();
        }
    }

    /// The fields that go with every file.
    fn form_data(self, said: Option<Said>) -> Result<FormData, Problem> {
        let form = FormData::new().map_err(|_| unable())?;
        for name in ["version", "notes"] {
            let text = self.filled_in(name);
            if !text.is_empty() {
                append(&form, name, &text)?;
            }
        }
        if let Some(said) = said {
            append(&form, "os", said.os.word())?;
            append(&form, "arch", said.arch.word())?;
        }
        Ok(form)
    }

    fn filled_in(self, name: &str) -> String {
        match self.control(name) {
            Some(Control::Line(input)) => input.value(),
            Some(Control::Text(area)) => area.value(),
            None => String::new(),
        }
    }

    fn fill_in(self, name: &str, text: &str) {
        match self.control(name) {
            Some(Control::Line(input)) => input.set_value(text),
            Some(Control::Text(area)) => area.set_value(text),
            None => {}
        }
    }

    fn control(self, name: &str) -> Option<Control> {
        let element = self.form.get_untracked()?.query_selector(&format!("[name={name}]")).ok()??;
        match element.dyn_into::<HtmlInputElement>() {
            Ok(input) => Some(Control::Line(input)),
            Err(element) => element.dyn_into::<HtmlTextAreaElement>().ok().map(Control::Text),
        }
    }
}

/// What somebody writes in.
enum Control {
    Line(HtmlInputElement),
    Text(HtmlTextAreaElement),
}

fn append(form: &FormData, name: &str, text: &str) -> Result<(), Problem> {
    form.append_with_str(name, text).map_err(|_| unable())
}

fn unable() -> Problem {
    Problem::invalid("file", "This browser cannot send files. Use another one, or the command line.")
}
