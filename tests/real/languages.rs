//! Languages other than Python, each in contexts of its own.

use code_interpreter::{Clock, CreateContext, Execute};

use super::{local_client, ms};

/// On a machine without node one can say so; otherwise its absence is a failure.
fn without_node() -> bool {
    std::env::var("CODE_INTERPRETER_TEST_WITHOUT").is_ok_and(|without| without.split(',').any(|name| name == "node"))
}

behaviours! {
    async fn bash_keeps_its_state_and_reports_how_a_cell_ended() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        sandbox.execute_code(Execute::new("x=1; cd /usr").language("bash")).await?;
        let result = sandbox.execute_code(Execute::new("echo $x $PWD $ONCE; ls /nowhere").language("bash").env("ONCE", "once")).await?;
        assert_eq!(result.stdout(), "1 /usr once\n");
        assert!(result.stderr().contains("/nowhere"), "{}", result.stderr());
        let error = result.error.unwrap();
        assert_eq!((error.name.as_str(), error.value.as_str()), ("ExitStatus", "2"));
    }

    async fn javascript_gives_values_and_errors() {
        if without_node() {
            return Ok(());
        }
        let sandbox = local_client().sandboxes().create("python3").await?;
        let code = "import { sep } from 'node:path'\nlet x = await Promise.resolve(20); console.log(sep); ({ x })";
        let result = sandbox.execute_code(Execute::new(code).language("javascript")).await?;
        assert_eq!(result.stdout(), "/\n");
        assert_eq!(result.outputs[0].json(), Some(&serde_json::json!({ "x": 20 })));
        let result = sandbox.execute_code(Execute::new("let x = 21; x + 1").language("js")).await?;
        assert_eq!(result.text(), Some("22"));
        let result = sandbox.execute_code(Execute::new("throw new TypeError('bad')").language("js")).await?;
        assert_eq!(result.error.unwrap().name, "TypeError");
    }

    async fn a_context_has_the_language_it_was_made_for() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let context = sandbox.contexts().create(CreateContext::new("bash").cwd("/usr")).await?;
        assert_eq!((context.language.as_str(), context.cwd.as_str()), ("bash", "/usr"));
        let result = sandbox.execute_code(Execute::new("pwd").context(&context.id)).await?;
        assert_eq!(result.stdout(), "/usr\n");
        let listed = sandbox.contexts().list().await?;
        let languages: Vec<_> = listed.iter().map(|context| context.language.as_str()).collect();
        let first: &[&str] = if without_node() { &["python"] } else { &["python", "javascript"] };
        assert_eq!(languages, [first, &["bash"]].concat());
        let error = sandbox.contexts().create("cobol").await.unwrap_err();
        assert!(error.to_string().contains("'cobol'"), "{error}");
    }

    async fn a_timeout_interrupts_every_language() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let mut cells = vec![("bash", "kept=1", "sleep 100", "echo $kept")];
        if !without_node() {
            cells.push(("js", "kept = 1", "while (true) {}", "console.log(kept)"));
        }
        for (language, keep, endless, show) in cells {
            sandbox.execute_code(Execute::new(keep).language(language)).await?;
            let request = Execute::new(endless).language(language).timeout(ms(500));
            let error = sandbox.execute_code(request).await.unwrap_err();
            assert_eq!(error.clock(), Some((Clock::Execution, ms(500))));
            let after = sandbox.execute_code(Execute::new(show).language(language)).await?;
            assert_eq!(after.stdout(), "1\n", "{language}");
        }
    }
}
