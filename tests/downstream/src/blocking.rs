use code_interpreter::{
    CreateSandbox, Error,
    blocking::{CodeInterpreter, Sandbox},
};

use crate::server;

pub fn run() {
    // Compiled only: the server here has no sandbox to run code in.
    let _ = work;
    let (url, server) = server::start(2);
    let client = CodeInterpreter::builder().url(url).api_key(server::KEY).build().unwrap();
    for _ in 0..2 {
        let sandbox: Sandbox = client.sandboxes().get("one").unwrap();
        assert_eq!(sandbox.id(), "one");
    }
    server::check("blocking", &server.join().unwrap());
}

fn work(client: &CodeInterpreter) -> Result<Option<String>, Error> {
    let sandbox = client.sandboxes().create(CreateSandbox::new("python3"))?;
    let result = client.sandboxes().execute_code(sandbox.id(), "1 + 1")?;
    let doubled = client.sandboxes().with("python3", |sandbox| sandbox.execute_code("2 * 2"))?;
    sandbox.kill()?;
    Ok(result.text().or(doubled.text()).map(str::to_owned))
}
