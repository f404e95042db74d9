//! Samples: stored once, acknowledged after the commit, bounded, and averaged honestly.

use crate::support::world::{World, each_engine, noon};
use chrono::{DateTime, Duration, Utc};
use domain::AgentCx;
use entity::{
    activity::ActivityKind,
    device::DeviceQuery,
    id::DeviceId,
    metric::{DiskSample, History, HistoryQuery, Metric, MetricSample},
    presence::LinkKind,
    problem::{Problem, ProblemCode},
    wire::{Metrics, MetricsAnswer},
};
use std::collections::HashSet;

pub fn sample(at: DateTime<Utc>, cpu_percent: f32) -> MetricSample {
    MetricSample {
        collected_at: at,
        cpu_percent: Some(cpu_percent),
        memory_used_bytes: Some(4 << 30),
        memory_percent: Some(50.0),
        swap_used_bytes: Some(0),
        load_average: Some([1.0, 2.0, 3.0]),
        uptime_seconds: Some(3600),
        network_rx_bytes: Some(6_000),
        network_tx_bytes: None,
        process_count: Some(120),
        disks: vec![DiskSample {
            mount: "/".to_owned(),
            device: "/dev/vda1".to_owned(),
            file_system: "ext4".to_owned(),
            total_bytes: 100,
            used_bytes: 40,
        }],
        top_processes: vec![],
    }
}

pub async fn append(cx: &AgentCx, samples: Vec<MetricSample>) -> domain::Result<MetricsAnswer> {
    let metrics = Metrics { position: samples.len() as u64, dropped_total: 0, samples };
    domain::metric::append(cx, LinkKind::Socket, metrics).await
}

async fn history(world: &World, id: DeviceId, metrics: &[Metric], interval: Option<u32>) -> History {
    let query = HistoryQuery {
        metrics: metrics.to_vec(),
        start: noon() - Duration::hours(1),
        end: noon() + Duration::minutes(1),
        interval_seconds: interval,
    };
    domain::metric::history(&world.admin, id, &query).await.expect("a history")
}

#[tokio::test]
async fn a_repeated_sample_counts_once() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let batch: Vec<_> = (0..10).map(|n| sample(noon() - Duration::minutes(n), 10.0 * n as f32)).collect();
        for _ in 0..3 {
            assert_eq!(append(&agent, batch.clone()).await.expect("stored").received, 10);
        }
        let history = history(&world, device.agent_id, &[Metric::CpuPercent], Some(60)).await;
        assert_eq!(history.series[0].points.len(), 10);
        let all = self::history(&world, device.agent_id, &[Metric::CpuPercent], Some(3660)).await;
        let point = all.series[0].points[0];
        assert_eq!((point.min, point.max), (0.0, 90.0));
        assert!((point.avg - 45.0).abs() < 1e-6, "repeats would move the mean: {}", point.avg);
    })
    .await;
}

#[tokio::test]
async fn a_gap_stays_a_gap_and_traffic_is_a_rate() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let minutes = [50, 49, 20, 19];
        append(&agent, minutes.map(|m| sample(noon() - Duration::minutes(m), 5.0)).to_vec())
            .await
            .expect("stored");
        let metrics =
            [Metric::LoadAverage5m, Metric::NetworkRxBytesPerSecond, Metric::NetworkTxBytesPerSecond];
        let history = history(&world, device.agent_id, &metrics, Some(60)).await;
        assert_eq!(history.series[0].points.iter().map(|p| p.avg).collect::<Vec<_>>(), [2.0; 4]);
        let at: Vec<i64> = history.series[0].points.iter().map(|p| (noon() - p.at).num_minutes()).collect();
        assert_eq!(at, minutes);
        let rates: Vec<f64> = history.series[1].points.iter().map(|p| p.avg).collect();
        assert_eq!(rates[0], 100.0, "6,000 bytes in a minute");
        assert_eq!(rates.len(), 3, "the first sample has no time before it");
        assert!(history.series[2].points.is_empty());
    })
    .await;
}

#[tokio::test]
async fn every_metric_has_a_history() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let two = vec![
            sample(noon() - Duration::minutes(1), 7.0),
            MetricSample { network_tx_bytes: Some(1), ..sample(noon(), 7.0) },
        ];
        append(&agent, two).await.expect("stored");
        for metrics in Metric::ALL.chunks(8) {
            for series in history(&world, device.agent_id, metrics, None).await.series {
                assert!(!series.points.is_empty(), "{:?} has no points", series.metric);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_latest_is_the_newest_whatever_the_order() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        append(&agent, vec![sample(noon(), 80.0)]).await.expect("stored");
        append(&agent, vec![sample(noon() - Duration::minutes(5), 20.0)]).await.expect("stored");
        let view = domain::device::get(&world.admin, device.agent_id).await.expect("a device");
        let latest = view.latest.expect("a sample");
        assert_eq!(latest, sample(noon(), 80.0));
        assert_eq!(view.last_metrics_at, Some(noon()));
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_was_ahead_does_not_hold_back_the_latest() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        append(&agent, vec![sample(noon() + Duration::hours(3), 80.0)]).await.expect("stored");
        append(&agent, vec![sample(noon(), 20.0)]).await.expect("stored");
        let view = domain::device::get(&world.admin, device.agent_id).await.expect("a device");
        assert_eq!(view.latest, Some(sample(noon(), 20.0)));
        // What was taken by the wrong clock is kept all the same.
        let found = domain::metric::verify_database(&world.database_url).await.expect("verified");
        assert_eq!(found.samples, 2);
    })
    .await;
}

#[tokio::test]
async fn samples_from_outside_time_are_dropped_and_acknowledged() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let strange =
            vec![sample(noon() - Duration::days(500), 1.0), sample(noon() + Duration::hours(25), 1.0)];
        assert_eq!(append(&agent, strange).await.expect("acknowledged").received, 2);
        assert_eq!(domain::device::get(&world.admin, device.agent_id).await.expect("a device").latest, None);
        let many = vec![sample(noon(), 1.0); 121];
        let problem = Problem::from(append(&agent, many).await.expect_err("too many"));
        assert_eq!((problem.code, problem.field.as_deref()), (ProblemCode::Invalid, Some("samples")));
    })
    .await;
}

#[tokio::test]
async fn what_is_acknowledged_is_stored_and_nothing_else() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let tries: Vec<_> = (0..3_000)
            .map(|n| {
                let (agent, at) = (agent.clone(), noon() - Duration::seconds(n));
                tokio::spawn(async move { append(&agent, vec![sample(at, 1.0)]).await.map(|_| at) })
            })
            .collect();
        let mut acknowledged = HashSet::new();
        for task in tries {
            match task.await.expect("no panic") {
                Ok(at) => {
                    acknowledged.insert(at);
                }
                Err(error) => assert_eq!(Problem::from(error).code, ProblemCode::Unavailable),
            }
        }
        assert!(!acknowledged.is_empty());
        let history = history(&world, device.agent_id, &[Metric::CpuPercent], Some(1)).await;
        let stored: HashSet<_> = history.series[0].points.iter().map(|p| p.at).collect();
        assert_eq!(stored, acknowledged);
    })
    .await;
}

#[tokio::test]
async fn dropped_samples_are_told_once() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        for dropped_total in [3, 3, 5] {
            let metrics = Metrics { position: 0, dropped_total, samples: vec![] };
            domain::metric::append(&agent, LinkKind::Socket, metrics).await.expect("noted");
        }
        let view = domain::device::get(&world.admin, device.agent_id).await.expect("a device");
        assert_eq!(view.samples_dropped, 5);
        let activity =
            domain::device::activity(&world.admin, device.agent_id, None, None).await.expect("activity");
        let told = activity.items.iter().filter(|item| item.kind == ActivityKind::SamplesDropped).count();
        assert_eq!(told, 2);
    })
    .await;
}

#[tokio::test]
async fn samples_past_retention_become_five_minutes_and_these_go_too() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        append(&agent, vec![sample(noon() - Duration::minutes(2), 1.0), sample(noon(), 3.0)])
            .await
            .expect("stored");
        let points = async || {
            domain::job::seal_metrics(&world.job()).await.expect("seals");
            domain::job::thin_metrics(&world.job()).await.expect("thins out");
            let history = history(&world, device.agent_id, &[Metric::CpuPercent], Some(60)).await;
            let minutes = history.series[0].points.iter().map(|p| ((noon() - p.at).num_minutes(), p.avg));
            minutes.collect::<Vec<_>>()
        };
        assert_eq!(points().await, [(2, 1.0), (0, 3.0)]);
        world.clock.advance(Duration::days(396));
        assert_eq!(points().await, [(2, 1.0), (0, 3.0)], "thirteen months as they were taken");
        world.clock.advance(Duration::days(2));
        assert_eq!(points().await, [(5, 1.0), (0, 3.0)]);
        world.clock.advance(Duration::days(1_400));
        assert_eq!(points().await.len(), 2);
        world.clock.advance(Duration::days(365));
        assert_eq!(points().await, []);
    })
    .await;
}

#[tokio::test]
async fn the_last_hour_is_in_the_list_wherever_it_lies() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        world.clock.advance(Duration::minutes(30));
        for minute in 0..40 {
            append(&agent, vec![sample(noon() + Duration::minutes(minute - 10), 2.0 * minute as f32)])
                .await
                .expect("stored");
        }
        let line = async || {
            let list = domain::device::list(&world.admin, &DeviceQuery::default()).await.expect("a list");
            let row = list.items.into_iter().find(|row| row.id == device.agent_id).expect("the device");
            row.cpu_sparkline
        };
        let arrived = line().await;
        assert_eq!(arrived.iter().flatten().count(), 20, "{arrived:?}");
        assert_eq!(arrived.last(), Some(&None), "the interval that is running has none yet");
        assert_eq!(arrived[28], Some(77.0), "the mean of two minutes");
        domain::job::seal_metrics(&world.job()).await.expect("seals");
        assert_eq!(line().await, arrived, "from the chunks of two hours");
    })
    .await;
}

#[tokio::test]
async fn a_question_that_makes_no_sense_names_its_field() {
    let world = World::on_sqlite().await;
    let (device, _) = world.device().await;
    let good = HistoryQuery {
        metrics: vec![Metric::CpuPercent],
        start: noon() - Duration::days(30),
        end: noon(),
        interval_seconds: None,
    };
    let bad = [
        ("metric", HistoryQuery { metrics: vec![], ..good.clone() }),
        ("end", HistoryQuery { end: noon() - Duration::days(31), ..good.clone() }),
        ("interval", HistoryQuery { interval_seconds: Some(0), ..good.clone() }),
        ("interval", HistoryQuery { interval_seconds: Some(1), ..good.clone() }),
    ];
    for (field, query) in bad {
        let error =
            domain::metric::history(&world.admin, device.agent_id, &query).await.expect_err("refused");
        assert_eq!(Problem::from(error).field.as_deref(), Some(field));
    }
    domain::metric::history(&world.admin, device.agent_id, &good).await.expect("thirty days are fine");
}
