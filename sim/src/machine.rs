//! A machine that does not exist: everything it reports follows from its seed and the time, so that nothing has to be
//! kept and every run can be repeated.

use crate::rhythm::{mix, share};
use chrono::{DateTime, Utc};
use entity::{
    facts::Facts,
    metric::{DiskSample, MetricSample, ProcessSample},
    monitored_service::{MonitoredServiceSetting, MonitoredServiceState},
    platform::{Arch, DeviceType, Os},
    presence::DisconnectReason,
    software_item::SoftwareItem,
    system_service::{ServiceManager, ServiceStatus, SystemService},
    wire::{Event, FactsReport, Hello, MonitoredServices, PROTOCOL, PreviousLink, Services, Software},
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// A service may crash in each such time.
const CRASH_SLOT_SECONDS: i64 = 600;
/// One time in so many it does.
const CRASH_ODDS: u64 = 40;
/// A program is updated in each such time.
const UPDATE_SLOT_SECONDS: i64 = 86_400;

const SERVICES: [&str; 16] = [
    "nginx",
    "postgresql",
    "cron",
    "ssh",
    "rsyslog",
    "dbus",
    "redis-server",
    "docker",
    "chrony",
    "postfix",
    "fail2ban",
    "smartd",
    "snapd",
    "apache2",
    "bind9",
    "samba",
];
const SOFTWARE: [&str; 12] = [
    "libc6",
    "openssl",
    "bash",
    "coreutils",
    "python3",
    "systemd",
    "perl",
    "curl",
    "git",
    "zlib1g",
    "sudo",
    "vim",
];
const PROGRAMS: [&str; 8] = ["nginx", "postgres", "java", "node", "python3", "dockerd", "sshd", "systemd"];

/// What machine a seed stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    seed: u64,
}

/// Smooth noise from 0 to 1 with this period: a walk that comes out the same whichever way it is walked.
#[expect(clippy::cast_precision_loss, reason = "times of this century")]
fn walk(seed: u64, what: u64, at_ms: i64, period_ms: i64) -> f64 {
    let slot = at_ms.div_euclid(period_ms);
    let part = at_ms.rem_euclid(period_ms) as f64 / period_ms as f64;
    let value = |slot: i64| share(&[seed, what, u64::from_ne_bytes(slot.to_ne_bytes())]);
    let ease = part * part * (3.0 - 2.0 * part);
    value(slot).mul_add(1.0 - ease, value(slot + 1) * ease)
}

/// Several walks over one another, from hours to the single sample.
fn gauge(seed: u64, what: u64, at_ms: i64) -> f64 {
    let of = |step: u64, period| walk(seed, what + (step << 32), at_ms, period);
    0.45 * of(1, 3_600_000) + 0.35 * of(2, 420_000) + 0.2 * of(3, 61_000)
}

/// 0 at night, 1 at noon, by the clock of where the machine stands.
fn daylight(seed: u64, at_ms: i64) -> f64 {
    let zone = share(&[seed, 90]) * 6.0 - 3.0;
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a day")]
    let hour = at_ms.rem_euclid(86_400_000) as f64 / 3_600_000.0 + zone;
    (0.5 - 0.5 * (hour / 24.0 * std::f64::consts::TAU).cos()).powf(1.5)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "shares of what exists")]
fn part_of(whole: u64, share: f64) -> u64 {
    #[expect(clippy::cast_precision_loss, reason = "bytes of a disk")]
    let part = whole as f64 * share.clamp(0.0, 1.0);
    part as u64
}

impl Machine {
    /// The machine of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The machine with a number, in a fleet with a seed.
    #[must_use]
    pub fn of_fleet(seed: u64, number: usize) -> Self {
        Self { seed: mix(&[seed, number as u64]) }
    }

    /// What it follows from.
    pub(crate) const fn seed(self) -> u64 {
        self.seed
    }

    /// What its host is called.
    #[must_use]
    pub fn hostname(&self) -> String {
        let role = ["web", "db", "app", "file", "ws", "nas"][self.pick(1, 6)];
        format!("{role}-{:06x}", self.seed & 0x00FF_FFFF)
    }

    /// One of so many, for this machine.
    #[expect(clippy::cast_possible_truncation, reason = "it is below a usize")]
    fn pick(&self, what: u64, of: usize) -> usize {
        (mix(&[self.seed, what]) % of as u64) as usize
    }

    fn memory(&self) -> u64 {
        (4 << 30) << self.pick(2, 5)
    }

    /// What it measures at a moment. Whoever asks again gets the same.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "gauges")]
    pub fn sample(&self, at: DateTime<Utc>) -> MetricSample {
        let (seed, ms) = (self.seed, at.timestamp_millis());
        let busy = 0.25 + 0.75 * daylight(seed, ms);
        let cpu = (gauge(seed, 10, ms) * busy * 100.0).clamp(0.2, 100.0);
        let memory = 0.3 + 0.45 * gauge(seed, 11, ms) + 0.1 * busy;
        let load = cpu / 100.0 * (2 << self.pick(3, 4)) as f64;
        let net = 40e6 * busy * gauge(seed, 12, ms).powi(3);
        let tenth = |value: f64| ((value * 10.0).round() / 10.0) as f32;
        MetricSample {
            collected_at: at,
            cpu_percent: Some(tenth(cpu)),
            memory_used_bytes: Some(part_of(self.memory(), memory) & !0xFFF),
            memory_percent: Some(tenth(memory * 100.0)),
            swap_used_bytes: Some(part_of(2 << 30, (memory - 0.6).max(0.0)) & !0xFFF),
            load_average: Some([tenth(load), tenth(load * 0.9), tenth(load * 0.8)]),
            uptime_seconds: u64::try_from(at.timestamp() - self.booted_at()).ok(),
            network_rx_bytes: Some(net as u64),
            network_tx_bytes: Some((net * 0.3) as u64),
            process_count: Some(80 + (gauge(seed, 13, ms) * 120.0) as u32),
            disks: self.disks(ms),
            top_processes: self.processes(ms, cpu),
        }
    }

    fn booted_at(&self) -> i64 {
        1_760_000_000 + i64::try_from(self.pick(4, 2_000_000)).unwrap_or(0)
    }

    fn disks(&self, ms: i64) -> Vec<DiskSample> {
        (0..=self.pick(5, 3))
            .map(|number| {
                let what = 20 + number as u64;
                let total_bytes = (64_u64 << 30) << self.pick(what, 6);
                // It fills by the week, and somebody cleans up.
                #[expect(clippy::cast_precision_loss, reason = "a share")]
                let filling = (ms.rem_euclid(604_800_000) as f64 / 604_800_000.0) * 0.15;
                let used = 0.2 + 0.6 * share(&[self.seed, what]) + filling;
                DiskSample {
                    mount: ["/", "/home", "/srv"][number].to_owned(),
                    device: format!("/dev/sd{}1", ["a", "b", "c"][number]),
                    file_system: "ext4".to_owned(),
                    total_bytes,
                    used_bytes: part_of(total_bytes, used) & !0xF_FFFF,
                }
            })
            .collect()
    }

    #[expect(clippy::cast_possible_truncation, reason = "gauges")]
    fn processes(&self, ms: i64, cpu: f64) -> Vec<ProcessSample> {
        (0..5_u32)
            .map(|rank| {
                let what = 40 + u64::from(rank);
                ProcessSample {
                    pid: 400 + 97 * rank,
                    name: PROGRAMS[self.pick(what, PROGRAMS.len())].to_owned(),
                    cpu_percent: ((cpu * gauge(self.seed, what, ms) / f64::from(rank + 1)) as f32).round(),
                    memory_bytes: part_of(self.memory(), 0.02 + 0.05 * share(&[self.seed, what])) & !0xFFF,
                }
            })
            .collect()
    }

    /// What it is.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let cores = 2_u32 << self.pick(3, 4);
        Facts {
            hostname: self.hostname(),
            device_type: Some(DeviceType::Server),
            os_name: Some("Debian GNU/Linux".to_owned()),
            os_version: Some("12 (bookworm)".to_owned()),
            kernel_version: Some("6.1.0-28-amd64".to_owned()),
            cpu_model: Some("Simulated Processor".to_owned()),
            cpu_cores: Some(cores),
            cpu_threads: Some(cores * 2),
            memory_total_bytes: Some(self.memory()),
            disk_total_bytes: Some(self.disks(0).iter().map(|disk| disk.total_bytes).sum()),
            manufacturer: Some("Reeve".to_owned()),
            model: Some("Simulated machine".to_owned()),
            serial_number: Some(format!("SIM{:012X}", self.seed >> 16)),
            virtualization: Some("kvm".to_owned()),
            timezone: Some("Etc/UTC".to_owned()),
            ip_addresses: vec![format!(
                "10.{}.{}.{}",
                self.pick(6, 250),
                self.pick(7, 250),
                self.pick(8, 250)
            )],
            mac_address: None,
            boot_id: Some(self.boot_id()),
        }
    }

    fn boot_id(&self) -> String {
        format!("{:016x}", mix(&[self.seed, 9]))
    }

    /// What it is, as it is reported.
    #[must_use]
    pub fn facts_report(&self) -> FactsReport {
        let facts = self.facts();
        FactsReport { digest: digest(&facts), facts }
    }

    /// The service that lies still at a moment, if one has crashed.
    fn crashed(&self, at: DateTime<Utc>, services: usize) -> Option<usize> {
        let slot = at.timestamp().div_euclid(CRASH_SLOT_SECONDS);
        let luck = mix(&[self.seed, 50, u64::from_ne_bytes(slot.to_ne_bytes())]);
        let number = usize::try_from((luck >> 32) % services.max(1) as u64).ok()?;
        luck.is_multiple_of(CRASH_ODDS).then_some(number)
    }

    fn service_name(number: usize) -> String {
        let name = SERVICES[number % SERVICES.len()];
        let copy = number / SERVICES.len();
        if copy == 0 { format!("{name}.service") } else { format!("{name}@{copy}.service") }
    }

    /// Its services at a moment.
    #[must_use]
    pub fn services(&self, at: DateTime<Utc>, count: usize) -> Services {
        let crashed = self.crashed(at, count);
        let items: Vec<SystemService> = (0..count)
            .map(|number| {
                let status = if crashed == Some(number) {
                    ServiceStatus::Failed
                } else if self.pick(60 + number as u64, 5) == 0 {
                    ServiceStatus::Stopped
                } else {
                    ServiceStatus::Running
                };
                let runs = status == ServiceStatus::Running;
                SystemService {
                    service_name: Self::service_name(number),
                    display_name: Some(format!("The {} service", SERVICES[number % SERVICES.len()])),
                    status,
                    starts_at_boot: Some(runs),
                    pid: runs.then(|| 300 + u32::try_from(number).unwrap_or(0)),
                }
            })
            .collect();
        Services { manager: ServiceManager::Systemd, digest: digest(&items), items }
    }

    /// Those of its services that are to be looked after, as they are.
    #[must_use]
    pub fn monitored(services: &Services, wanted: &[MonitoredServiceSetting]) -> MonitoredServices {
        let item = |setting: &MonitoredServiceSetting| {
            let found = services.items.iter().find(|item| item.service_name == setting.service_name);
            MonitoredServiceState {
                service_name: setting.service_name.clone(),
                status: found.map(|item| item.status),
                pid: found.and_then(|item| item.pid),
                exit_code: None,
                restart_count: 0,
                last_restart_at: None,
                refusal: None,
            }
        };
        MonitoredServices { items: wanted.iter().map(item).collect() }
    }

    /// What happened since the last look, if a service crashed.
    #[must_use]
    pub fn event(&self, at: DateTime<Utc>, services: usize) -> Option<Event> {
        let name = Self::service_name(self.crashed(at, services)?);
        let summary = format!("{name} ended with an error");
        Some(Event::plain(at, "service_crashed", summary))
    }

    /// Its programs at a moment.
    #[must_use]
    pub fn software(&self, at: DateTime<Utc>, count: usize) -> Software {
        let day = at.timestamp().div_euclid(UPDATE_SLOT_SECONDS);
        let luck = mix(&[self.seed, 70, u64::from_ne_bytes(day.to_ne_bytes())]);
        let updated = usize::try_from(luck % count.max(1) as u64).unwrap_or(0);
        let items: Vec<SoftwareItem> = (0..count)
            .map(|number| {
                let name = SOFTWARE[number % SOFTWARE.len()];
                let copy = number / SOFTWARE.len();
                let version = self.pick(100 + number as u64, 30);
                let patch = if number == updated { day.rem_euclid(100) } else { 1 };
                SoftwareItem {
                    software_name: if copy == 0 { name.to_owned() } else { format!("{name}-part{copy}") },
                    software_version: format!("1.{version}.{patch}-1"),
                    vendor: Some("Debian".to_owned()),
                    architecture: Some("amd64".to_owned()),
                    source: "dpkg".to_owned(),
                }
            })
            .collect();
        Software { digest: digest(&items), items }
    }

    /// Its first words.
    #[must_use]
    pub fn hello(&self, previous: Option<PreviousLink>) -> Hello {
        Hello { boot_id: Some(self.boot_id()), previous, ..hello() }
    }
}

/// What an agent says first.
#[must_use]
pub fn hello() -> Hello {
    Hello {
        protocol: PROTOCOL,
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        os_type: Os::Linux,
        os_architecture: Arch::X86_64,
        boot_id: None,
        previous: None,
        capabilities: vec!["services.systemd".to_owned(), "software.dpkg".to_owned()],
        device_lock: None,
        agent_state: Some(entity::agent_state::AgentState::Idle),
        chain_head: None,
        running: None,
    }
}

/// How the link before this one ended.
pub(crate) fn previous(reason: DisconnectReason) -> PreviousLink {
    PreviousLink { ended_at: Utc::now(), reason }
}

/// SHA-256 over the JSON, hex: as the wire asks for.
fn digest(what: &impl Serialize) -> String {
    hex::encode(Sha256::digest(serde_json::to_vec(what).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_763_640_000 + seconds, 0).expect("a time")
    }

    #[test]
    fn a_seed_says_everything() {
        let (one, same, other) = (Machine::of_fleet(1, 7), Machine::of_fleet(1, 7), Machine::of_fleet(1, 8));
        assert_eq!(one.sample(at(5)), same.sample(at(5)));
        assert_eq!(one.software(at(5), 60), same.software(at(5), 60));
        assert_ne!(one.sample(at(5)).cpu_percent, other.sample(at(5)).cpu_percent);
        assert_ne!(one.facts_report().digest, other.facts_report().digest);
    }

    #[test]
    fn samples_are_plausible_and_change_slowly() {
        let machine = Machine::of_fleet(3, 1);
        let cpu: Vec<f32> =
            (0..1440).map(|minute| machine.sample(at(minute * 60)).cpu_percent.expect("a value")).collect();
        assert!(cpu.iter().all(|value| (0.0..=100.0).contains(value)));
        let (low, high) = cpu.iter().fold((100.0_f32, 0.0_f32), |(low, high), v| (low.min(*v), high.max(*v)));
        assert!(high - low > 15.0, "a day has a curve: {low} to {high}");
        assert!(cpu.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 40.0), "no cliffs");
        let sample = machine.sample(at(0));
        assert_eq!(sample.clone().bounded(), sample, "the server has nothing to cut");
    }

    #[test]
    fn services_crash_now_and_then() {
        let machine = Machine::of_fleet(3, 1);
        let crashes =
            (0..2_000).filter(|slot| machine.event(at(slot * CRASH_SLOT_SECONDS), 40).is_some()).count();
        assert!((10..150).contains(&crashes), "{crashes}");
    }
}
