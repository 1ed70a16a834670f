//! Shows that what could break the flavours is really on; without that, their success would say nothing.

use crate::server;

/// Compiles as a plain function only where `is_sync` is on.
#[maybe_async::maybe_async]
async fn is_sync() -> bool {
    true
}

pub fn run() {
    assert!(is_sync());
    let (url, server) = server::start(2);
    let client = reqwest::Client::builder().cookie_store(true).no_proxy().build().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for _ in 0..2 {
        runtime.block_on(client.get(&url).send()).unwrap();
    }
    let heads = server.join().unwrap();
    assert!(heads[0].contains("\naccept-encoding: "), "{}", heads[0]);
    assert!(heads[1].contains("\ncookie: session=1"), "{}", heads[1]);
    println!("hostile: is_sync, decompression and cookies are on");
}
