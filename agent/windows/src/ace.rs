//! Reads a descriptor (SDDL) back: whether it is cut off from the folder above, who owns it, who is allowed what.

use crate::{name::Scope, sddl};

/// One entry of an access list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Kind, such as `A` for allow and `D` for deny.
    pub kind: String,
    /// Flags, such as `OICI` for what is inherited by files and folders, `ID` for what was inherited.
    pub flags: String,
    /// Rights, such as `FA` for everything.
    pub rights: String,
    /// Whom it is about: an alias such as `BA`, or a SID.
    pub who: String,
}

/// What a descriptor says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The owner, when it is told.
    pub owner: Option<String>,
    /// Nothing is inherited from the folder above.
    pub protected: bool,
    /// The entries; `None` when there is no list at all, which allows everybody everything.
    pub entries: Option<Vec<Entry>>,
}

/// What is wrong with a folder's descriptor, by urgency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Owner that is not to be trusted: may change the list at will.
    pub owner: Option<String>,
    /// Who is allowed something and should not be.
    pub strangers: Vec<String>,
    /// More may come from the folder above.
    pub inherits: bool,
}

impl Findings {
    /// True when somebody can get in who should not. What only inherits, without strangers, is to be repaired but no
    /// reason to refuse.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.owner.is_some() || !self.strangers.is_empty()
    }
}

impl Findings {
    /// Leaves out the accounts of this machine, whose SIDs begin with the same numbers as this one's, and that more may
    /// come from above: what a system cannot keep apart.
    #[must_use]
    pub fn without_those_like(mut self, sid: &str) -> Self {
        let machine = sid.rsplit_once('-').map_or(sid, |(machine, _)| machine);
        let is_of_it = |who: &str| who.rsplit_once('-').is_some_and(|(its, _)| its == machine);
        self.owner = self.owner.filter(|owner| !is_of_it(owner));
        self.strangers.retain(|who| !is_of_it(who));
        self.inherits = false;
        self
    }
}

/// Compares a descriptor with who is to be trusted in this scope. One that cannot be read is open to everybody.
#[must_use]
pub fn check(text: &str, scope: &Scope) -> Findings {
    let Some(descriptor) = read(text) else {
        return Findings {
            owner: None,
            strangers: vec!["an unreadable access list".to_owned()],
            inherits: true,
        };
    };
    let trusted = sddl::trusted(scope);
    let is_trusted = |who: &str| trusted.iter().any(|one| one.eq_ignore_ascii_case(who));
    let mut strangers = Vec::new();
    match &descriptor.entries {
        None => strangers.push("everybody (no access list)".to_owned()),
        Some(entries) => {
            for entry in entries {
                // What denies takes nothing away from safety; the creator-owner entry is only a template.
                let harmless = matches!(entry.kind.as_str(), "D" | "OD" | "XD" | "AU" | "OU" | "ML")
                    || (matches!(entry.who.as_str(), "CO" | "S-1-3-0") && entry.flags.contains("IO"))
                    || matches!(entry.who.as_str(), "OW" | "S-1-3-4");
                if !harmless && !is_trusted(&entry.who) && !strangers.contains(&entry.who) {
                    strangers.push(entry.who.clone());
                }
            }
        }
    }
    Findings {
        owner: descriptor.owner.filter(|owner| !is_trusted(owner)),
        strangers,
        inherits: !descriptor.protected,
    }
}

/// Reads a descriptor; `None` when it is not one.
#[must_use]
pub fn read(text: &str) -> Option<Descriptor> {
    let mut descriptor = Descriptor { owner: None, protected: false, entries: None };
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (tag, after) = rest.split_at_checked(2)?;
        let end = part_end(after);
        let (part, next) = after.split_at_checked(end)?;
        match tag {
            "O:" => descriptor.owner = Some(part.to_owned()),
            "G:" | "S:" => {}
            "D:" => {
                let start = part.find('(').unwrap_or(part.len());
                let (flags, entries) = part.split_at_checked(start)?;
                descriptor.protected = flags.contains('P');
                descriptor.entries =
                    if flags.contains("NO_ACCESS_CONTROL") { None } else { Some(read_entries(entries)?) };
            }
            _ => return None,
        }
        rest = next;
    }
    Some(descriptor)
}

/// Where the next part (`G:`, `D:` …) begins: outside of parentheses.
fn part_end(text: &str) -> usize {
    let mut depth = 0_i32;
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b':' if depth == 0 && at > 0 => return at - 1,
            _ => {}
        }
    }
    text.len()
}

fn read_entries(text: &str) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = closing(rest)?;
        let inside = rest.get(1..end)?;
        let mut fields = inside.splitn(7, ';');
        let mut field = || fields.next().map(str::to_owned);
        let (kind, flags, rights) = (field()?, field()?, field()?);
        let (_object, _inherited) = (field()?, field()?);
        entries.push(Entry { kind, flags, rights, who: field()? });
        rest = rest.get(end + 1..)?.trim_start();
    }
    Some(entries)
}

/// Where the parenthesis that opens the text is closed.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ if at == 0 => return None,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_agent_makes_is_found_sound() {
        for scope in [Scope::Machine, Scope::User { sid: "S-1-5-21-1-2-3-1001".to_owned() }] {
            assert_eq!(check(&sddl::folder(&scope), &scope), Findings::default());
            assert_eq!(check(&sddl::pipe(&scope), &scope), Findings::default());
        }
    }

    #[test]
    fn strangers_owners_and_missing_lists_are_found() {
        let open = "O:S-1-5-21-9-9-9-1000G:DUD:AI(A;OICI;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIIOID;FA;;;CO)(A;OICIID;0x1200a9;;;BU)(A;;FA;;;BU)(D;;FA;;;WD)S:(AU;SA;FA;;;WD)";
        let findings = check(open, &Scope::Machine);
        assert_eq!(findings.owner.as_deref(), Some("S-1-5-21-9-9-9-1000"));
        assert_eq!(findings.strangers, ["BU"]);
        assert!(findings.inherits && findings.is_open());
        assert!(check("O:BA", &Scope::Machine).is_open(), "no list at all");
        assert!(check("O:BAD:NO_ACCESS_CONTROL", &Scope::Machine).is_open());
        let only_inherits = check("O:SYD:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;S-1-5-32-544)", &Scope::Machine);
        assert!(only_inherits.inherits && !only_inherits.is_open());
        assert!(!check("D:P", &Scope::Machine).is_open(), "an empty list lets nobody in");
        let own = "S-1-5-21-0-0-0-1000";
        let wine = check(
            "O:S-1-5-21-0-0-0-1000D:(A;OICI;FA;;;SY)(A;OICI;FA;;;S-1-5-21-0-0-0-1000)",
            &Scope::Machine,
        );
        assert!(wine.is_open());
        assert_eq!(wine.without_those_like(own), Findings::default());
        let pipe = check("O:S-1-5-21-0-0-0-513D:P(A;;GA;;;SY)", &Scope::Machine);
        assert_eq!(pipe.without_those_like(own), Findings::default());
        assert!(check("O:BAD:P(A;;FA;;;WD)", &Scope::Machine).without_those_like(own).is_open());
    }

    #[test]
    fn conditions_and_nonsense_count_as_open() {
        let conditional = r#"O:BAD:P(XA;;FA;;;AU;(@User.Title=="x:(y)"))"#;
        assert_eq!(check(conditional, &Scope::Machine).strangers, ["AU"]);
        for nonsense in ["x", "O", "D:(A;;FA", "D:P)(", "Z:BA", "D:P(A;;FA;;)", "é:x", "D:é(A;;;;;x)y"] {
            assert!(check(nonsense, &Scope::Machine).is_open(), "{nonsense}");
        }
    }
}
