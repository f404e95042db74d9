//! Named pipes: who may open them, and that they carry a question and an answer.

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use windows_api::{
    ace, identity,
    name::{self, Scope},
    pipe, sddl,
};

fn user() -> Scope {
    Scope::User { sid: identity::sid().unwrap() }
}

#[tokio::test]
async fn a_pipe_is_for_those_in_its_list_alone() {
    for scope in [Scope::Machine, user()] {
        let name = name::pipe(&scope, Some("list"));
        let server = pipe::serve(&name, &sddl::pipe(&scope), true).unwrap();
        let told = ace::read(&pipe::sddl(&server).unwrap()).unwrap();
        assert!(told.protected, "nothing is inherited");
        assert!(pipe::check(&server, &scope).unwrap().owner.is_none(), "the owner is to be trusted");
        let mut entries = told.entries.unwrap();
        entries.sort_by(|a, b| a.who.cmp(&b.who));
        let mut who: Vec<&str> = entries.iter().map(|entry| entry.who.as_str()).collect();
        who.sort_unstable();
        let mut wanted = vec!["BA".to_owned(), "SY".to_owned()];
        if let Scope::User { sid } = &scope {
            wanted.push(sid.clone());
        }
        wanted.sort_unstable();
        assert_eq!(who, wanted, "{scope:?}");
        assert!(entries.iter().all(|entry| entry.kind == "A"));
    }
}

#[tokio::test]
async fn a_question_is_answered() {
    let name = name::pipe(&user(), Some("answer"));
    let mut server = pipe::serve(&name, &sddl::pipe(&user()), true).unwrap();
    let serving = tokio::spawn(async move {
        server.connect().await.unwrap();
        assert_eq!(pipe::client_process(&server).unwrap(), std::process::id());
        let mut line = String::new();
        BufReader::new(&mut server).read_line(&mut line).await.unwrap();
        server.write_all(format!("heard {line}").as_bytes()).await.unwrap();
        tokio::task::spawn_blocking(move || pipe::drain(&server)).await.unwrap().unwrap();
    });
    let mut client = pipe::open(&name).unwrap();
    assert_eq!(pipe::server_process(&client).unwrap(), std::process::id());
    client.write_all(b"question\n").await.unwrap();
    let mut answer = vec![0; 15];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"heard question\n");
    serving.await.unwrap();
}

#[tokio::test]
async fn a_pipe_that_is_not_there_is_not_found() {
    let error = pipe::open(r"\\.\pipe\Reeve_IPC_nobody").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}
