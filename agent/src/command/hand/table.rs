//! The processes of this machine, as far as a command has to know them.

/// One process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number.
    pub pid: u32,
    /// The process above it.
    pub parent: u32,
    /// When it began, in some unit: with the number it names one process, because numbers are used again.
    pub began: u64,
    /// It has ended, and whoever started it has not looked.
    pub is_zombie: bool,
    /// What the system calls it.
    pub name: String,
}

/// All processes.
#[cfg(target_os = "linux")]
pub fn all() -> Vec<Row> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let number = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    entries.flatten().filter_map(number).filter_map(one).collect()
}

/// One process, if there is such a one.
#[cfg(target_os = "linux")]
pub fn one(pid: u32) -> Option<Row> {
    // The name need not be text.
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    parse(pid, &String::from_utf8_lossy(&stat))
}

/// How many processes and threads the whole machine has; costs next to nothing to ask. 0: it does not say.
#[cfg(target_os = "linux")]
pub fn tasks() -> usize {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let count = load.split_ascii_whitespace().nth(3).and_then(|pair| pair.split_once('/'));
    count.and_then(|(_, all)| all.parse().ok()).unwrap_or(0)
}

/// How many processes and threads the whole machine has. 0: it does not say.
#[cfg(not(target_os = "linux"))]
pub const fn tasks() -> usize {
    0
}

/// A line of `/proc/N/stat`: the name stands in brackets and may hold anything, brackets too.
#[cfg(target_os = "linux")]
fn parse(pid: u32, stat: &str) -> Option<Row> {
    let (before, rest) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    let mut fields = rest.split_ascii_whitespace();
    let is_zombie = matches!(fields.next()?, "Z" | "X" | "x");
    let parent = fields.next()?.parse().ok()?;
    // The 22nd field of all; two were before the bracket closed and two were taken.
    let began = fields.nth(17)?.parse().ok()?;
    Some(Row { pid, parent, began, is_zombie, name: name.to_owned() })
}

/// Every name by which people know a process: what the system calls it, its program, and what it calls itself.
#[cfg(target_os = "linux")]
pub fn names(row: &Row) -> Vec<String> {
    let base = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let folder = std::path::PathBuf::from(format!("/proc/{}", row.pid));
    let program = std::fs::read_link(folder.join("exe")).ok();
    let arguments = std::fs::read(folder.join("cmdline")).unwrap_or_default();
    // A part of the kernel has neither.
    if program.is_none() && arguments.is_empty() {
        return Vec::new();
    }
    let program = program.map(|path| path.to_string_lossy().trim_end_matches(" (deleted)").to_owned());
    let first = arguments.split(|byte| *byte == 0).next().unwrap_or_default();
    let first = String::from_utf8_lossy(first).into_owned();
    // What calls itself `nginx: master process …` is called nginx.
    let first = first.split([':', ' ']).next().unwrap_or_default().to_owned();
    let mut names = vec![row.name.clone(), base(&first)];
    names.extend(program.map(|path| base(&path)));
    names
}

/// All processes.
#[cfg(not(target_os = "linux"))]
pub fn all() -> Vec<Row> {
    use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};
    let Ok(mut system) = System::new() else { return Vec::new() };
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, ProcessRefreshKind::nothing());
    let row = |(pid, process): (&sysinfo::Pid, &sysinfo::Process)| Row {
        pid: pid.as_u32(),
        parent: process.parent().map_or(0, sysinfo::Pid::as_u32),
        began: process.start_time(),
        is_zombie: process.status() == sysinfo::ProcessStatus::Zombie,
        name: process.name().to_string_lossy().into_owned(),
    };
    system.processes().iter().map(row).collect()
}

/// One process, if there is such a one.
#[cfg(not(target_os = "linux"))]
pub fn one(pid: u32) -> Option<Row> {
    all().into_iter().find(|row| row.pid == pid)
}

/// Every name by which people know a process.
#[cfg(not(target_os = "linux"))]
pub fn names(row: &Row) -> Vec<String> {
    vec![row.name.clone()]
}

/// This process and all those above it.
pub fn line_of(pid: u32, rows: &[Row]) -> Vec<u32> {
    let mut line = vec![pid];
    while let Some(row) = rows.iter().find(|row| Some(&row.pid) == line.last()) {
        if row.parent == 0 || line.contains(&row.parent) {
            break;
        }
        line.push(row.parent);
    }
    line
}

/// Everything below a process, without what has ended.
pub fn below(pid: u32, rows: &[Row]) -> Vec<Row> {
    let mut found: Vec<Row> = Vec::new();
    let mut from = vec![pid];
    while let Some(parent) = from.pop() {
        for row in rows.iter().filter(|row| row.parent == parent) {
            if row.pid != pid && found.iter().all(|known| known.pid != row.pid) {
                from.push(row.pid);
                found.push(row.clone());
            }
        }
    }
    found.retain(|row| !row.is_zombie);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_name_may_be_anything() {
        let stat = "42 (a) b (c)) S 7 42 42 0 -1 4194560 1 0 0 0 3 1 0 0 20 0 1 0 9001 1 2 3";
        let row = parse(42, stat).unwrap();
        assert_eq!((row.parent, row.began, row.name.as_str(), row.is_zombie), (7, 9001, "a) b (c)", false));
        assert_eq!(parse(42, "42 (x"), None);
        assert_eq!(parse(42, "42 (x) S 1"), None);
        assert!(tasks() > 1);
        let own = one(std::process::id()).unwrap();
        assert!(!own.is_zombie && own.began > 0 && !names(&own).is_empty());
    }

    #[test]
    fn families_are_found_and_circles_end() {
        let row = |pid, parent| Row { pid, parent, began: 0, is_zombie: pid == 9, name: String::new() };
        let rows = [row(1, 0), row(2, 1), row(3, 2), row(4, 3), row(9, 3), row(5, 1), row(7, 8), row(8, 7)];
        assert_eq!(line_of(4, &rows), [4, 3, 2, 1]);
        assert_eq!(line_of(7, &rows), [7, 8]);
        let mut found: Vec<u32> = below(2, &rows).iter().map(|row| row.pid).collect();
        found.sort_unstable();
        assert_eq!(found, [3, 4]);
        assert_eq!(below(7, &rows).len(), 1);
    }
}
