//! The embedded engine through its gateway dialect.

use code_interpreter::{ErrorKind, LocalEngine, LocalEngineBuilder};

use super::ms;
use crate::{Builder, CodeInterpreter};

#[path = "../real/mod.rs"]
mod real;

/// A client with an engine of its own, which makes nothing in advance.
pub fn local_client() -> CodeInterpreter {
    local_client_with(LocalEngine::builder())
}

fn local_client_with(builder: LocalEngineBuilder) -> CodeInterpreter {
    let engine = builder.warm(0).start().unwrap();
    CodeInterpreter::builder().engine(engine).build().unwrap()
}

behaviours! {
    async fn an_engine_and_the_address_of_another_service_exclude_each_other() {
        let engine = LocalEngine::builder().warm(0).start()?;
        let builder = CodeInterpreter::builder().engine(engine.clone());
        let tables = [
            (builder.clone().url(engine.url()), ["`engine`", "`url`"]),
            (builder.clone().url("https://gateway.example.com").api_key("k"), ["`engine`", "`url`"]),
            (builder.clone().domain("e2b.example.com"), ["`engine`", "`domain`"]),
        ];
        for (builder, settings) in tables {
            let error = builder.build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{error}");
            assert!(settings.iter().all(|name| error.to_string().contains(name)), "{error}");
        }
    }

    async fn an_engine_counts_more_than_the_environment() {
        const NAME: &str = "suite::gateway::an_engine_counts_more_than_the_environment";
        const VARIABLES: [(&str, &str); 2] =
            [("CODE_INTERPRETER_URL", "https://gateway.example.com"), ("CODE_INTERPRETER_API_KEY", "k")];
        if std::env::var(VARIABLES[0].0).as_deref() != Ok(VARIABLES[0].1) {
            // Variables are those of a whole process, so this is done in one of its own.
            let again = std::process::Command::new(std::env::current_exe()?).args([NAME, "--exact"]).envs(VARIABLES).output()?;
            let told = String::from_utf8_lossy(&again.stdout).into_owned();
            assert!(again.status.success() && told.contains("1 passed"), "{told}");
            return Ok(());
        }
        let engine = LocalEngine::builder().warm(0).start()?;
        let client = Builder::from_env()?.engine(engine).build()?;
        let sandbox = client.sandboxes().create("python3").await?;
        let result = sandbox.execute_code("1 + 1").await?;
        assert_eq!(result.text(), Some("2"));
        let error = Builder::from_env()?.engine(client.engine().unwrap().clone()).url("https://x.test").build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    }
}
