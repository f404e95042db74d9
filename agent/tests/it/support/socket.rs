//! The WebSocket side of the fake server.

use super::{World, http::Request};
use entity::{
    presence::LinkKind,
    update::UpdateStatusAck,
    wire::{ToAgent, ToServer},
};
use futures::{SinkExt as _, StreamExt as _};
use std::sync::{Arc, Mutex};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::mpsc};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, handshake::derive_accept_key, protocol::Role},
};

pub async fn serve(mut stream: TcpStream, request: &Request, world: Arc<Mutex<World>>) {
    let refusal = {
        let world = world.lock().unwrap();
        let known = request.bearer().is_some_and(|token| world.agent_tokens.contains(token));
        match (world.block_sockets || world.switched_off, known) {
            (true, _) => Some(403),
            (false, false) => Some(401),
            (false, true) => None,
        }
    };
    if let Some(status) = refusal {
        return super::http::answer(&mut stream, status, &serde_json::json!("no")).await;
    }
    let accept = derive_accept_key(request.headers["sec-websocket-key"].as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n"
    );
    if stream.write_all(head.as_bytes()).await.is_err() {
        return;
    }
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    let (sender, mut pushed) = mpsc::unbounded_channel();
    world.lock().unwrap().sockets.push(sender);
    loop {
        if world.lock().unwrap().deaf {
            std::future::pending::<()>().await;
        }
        let answer = tokio::select! {
            frame = socket.next() => match frame {
                Some(Ok(Message::Text(text))) => {
                    hear(&serde_json::from_str(&text).expect("the wire"), &mut world.lock().unwrap())
                }
                Some(Ok(Message::Close(frame))) => {
                    let reason = frame.map_or_else(String::new, |frame| frame.reason.to_string());
                    world.lock().unwrap().closed_because.push(reason);
                    return;
                }
                Some(Ok(_)) => None,
                Some(Err(_)) | None => return,
            },
            Some(message) = pushed.recv() => Some(message),
        };
        if world.lock().unwrap().drop_sockets {
            return;
        }
        if let Some(answer) = answer {
            let text = serde_json::to_string(&answer).unwrap();
            if socket.send(Message::text(text)).await.is_err() || matches!(answer, ToAgent::Goodbye { .. }) {
                return;
            }
        }
    }
}

fn hear(message: &ToServer, world: &mut World) -> Option<ToAgent> {
    match message {
        ToServer::Hello(hello) => {
            world.agent_states.extend(hello.agent_state);
            world.hellos.push((LinkKind::Socket, hello.clone()));
            return Some(world.welcome());
        }
        ToServer::Heartbeat(heartbeat) => {
            world.agent_states.extend(heartbeat.agent_state);
            world.count_heartbeat(heartbeat.link);
        }
        ToServer::Metrics(metrics) => {
            if !world.store(metrics) {
                return Some(ToAgent::Busy { retry_after_seconds: 0 });
            }
            return (!world.keep_acks).then_some(ToAgent::Ack { position: metrics.position });
        }
        ToServer::Services(services) => world.services = Some(services.clone()),
        ToServer::Software(software) => world.software = Some(software.clone()),
        ToServer::Facts(facts) => world.facts = Some(facts.clone()),
        ToServer::Event(event) => {
            world.events.push(event.clone());
            let ack = event.id.filter(|_| world.protocol >= 2 && !world.keep_event_acks);
            return ack.map(|id| ToAgent::EventAck { id });
        }
        ToServer::MonitoredServices(services) => world.monitored.push(services.clone()),
        ToServer::DeviceLock(lock) => world.locks.push(lock.clone()),
        ToServer::Logs(logs) => {
            if !world.store_logs(logs) {
                return Some(ToAgent::Busy { retry_after_seconds: 0 });
            }
            return (!world.keep_acks).then_some(ToAgent::LogsAck { position: logs.position() });
        }
        ToServer::CommandReceipt(receipt) => world.said.receipts.push(receipt.clone()),
        ToServer::CommandProgress(progress) => world.said.progress.push(progress.clone()),
        ToServer::CommandResult(result) => {
            world.said.results.push(result.clone());
            let ack = ToAgent::ResultAck { command_id: result.command_id };
            return (!world.keep_command_acks).then_some(ack);
        }
        ToServer::Chain(chain) => {
            let seq = world.said.store(&chain.entries);
            return (!world.keep_command_acks).then_some(ToAgent::ChainAck { seq });
        }
        ToServer::UpdateStatus(status) => {
            let ack = UpdateStatusAck { update_id: status.update_id, step: status.step };
            world.releases.statuses.push((**status).clone());
            return (!world.releases.keep_status_acks).then_some(ToAgent::UpdateStatusAck(ack));
        }
        ToServer::Pong { .. } => {}
        ToServer::Unknown => panic!("the agent sent a message of an unknown type"),
    }
    if matches!(message, ToServer::Services(_) | ToServer::Software(_) | ToServer::Facts(_)) {
        world.inventories += 1;
    }
    None
}
