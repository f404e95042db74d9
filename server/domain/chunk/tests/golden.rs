//! Chunks as they were written once: what lies on somebody's disk stays readable, byte for byte.

use chunk::{Row, decode, encode};
use std::{fs, path::Path};

/// An hour of a machine: gauges, a counter, an absent value, an outlier.
fn hour() -> Vec<Row<5>> {
    (0..60_i64)
        .map(|minute| {
            let mut row = Row::new(1_763_600_400_000 + minute * 60_000 + minute % 3);
            row.set(0, Some(1_200 + (minute * 37) % 250));
            row.set(1, Some(4_294_967_296 + (minute * 13 % 7) * 4_096));
            row.set(2, (minute != 17).then_some(3_600 + minute * 60));
            row.set(3, Some(if minute == 30 { 1 << 40 } else { minute % 4 }));
            row
        })
        .collect()
}

fn rows(name: &str) -> Vec<Row<5>> {
    let mut extremes = [Row::new(i64::MIN), Row::new(0), Row::new(i64::MAX)];
    extremes[0].set(0, Some(i64::MAX));
    extremes[1].set(0, Some(i64::MIN));
    extremes[2].set(4, Some(-1));
    match name {
        "hour" => hour(),
        "single" => hour()[..1].to_vec(),
        _ => extremes.to_vec(),
    }
}

#[test]
fn what_was_written_once_is_read_today_and_written_alike() {
    for name in ["hour", "single", "extremes"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1").join(format!("{name}.hex"));
        let written = encode(0, &rows(name)).expect("writes");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&file, hex::encode(&written) + "\n").expect("writes");
        }
        let golden = hex::decode(fs::read_to_string(&file).expect("a golden file").trim()).expect("hex");
        assert_eq!(decode::<5>(0, &golden).expect("reads"), rows(name), "{name}");
        assert_eq!(written, golden, "{name}: a chunk written otherwise needs a version of its own");
    }
}
