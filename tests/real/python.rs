//! Python, as it runs in a sandbox of the embedded engine.

use code_interpreter::{ErrorKind, Execute};

use super::local_client;

behaviours! {
    async fn a_value_what_was_printed_and_the_count_come_back() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let result = sandbox.execute_code("import sys\nprint('out')\nprint('err', file=sys.stderr)\n1 + 1").await?;
        assert_eq!(result.text(), Some("2"));
        assert_eq!((result.stdout(), result.stderr()), ("out\n", "err\n"));
        assert!(result.is_ok() && !result.truncated);
        assert_eq!(result.execution_count, Some(1));
        let result = sandbox.execute_code("None").await?;
        assert_eq!(result.execution_count, Some(2));
    }

    async fn state_is_kept_also_after_an_error() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        sandbox.execute_code("x = 20").await?;
        let failed = sandbox.execute_code("x += 1\n1 / 0").await?;
        assert_eq!(failed.error.as_ref().unwrap().name, "ZeroDivisionError");
        let after = sandbox.execute_code("x").await?;
        assert_eq!(after.text(), Some("21"));
    }

    async fn code_that_raises_is_a_result_until_asked_otherwise() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let result = sandbox.execute_code("print('before')\ndef f():\n    raise ValueError('bad')\nf()").await?;
        assert!(!result.is_ok());
        let raised = result.error.clone().unwrap();
        assert_eq!((raised.name.as_str(), raised.value.as_str()), ("ValueError", "bad"));
        assert!(raised.traceback.contains("line 3, in f") && raised.traceback.contains("raise ValueError('bad')"), "{}", raised.traceback);
        let error = result.ok().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Execution);
        assert_eq!(error.execution_error(), Some(&raised));
        assert_eq!(error.partial().unwrap().stdout(), "before\n");
        let syntax = sandbox.execute_code("def f(:").await?;
        assert_eq!(syntax.error.unwrap().name, "SyntaxError");
    }

    async fn empty_code_is_an_empty_result() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        for code in ["", "   \n\n", "# only a comment"] {
            let result = sandbox.execute_code(code).await?;
            assert!(result.is_ok() && result.outputs.is_empty() && result.stdout().is_empty(), "{code:?}");
        }
    }

    async fn values_come_in_every_form_they_have() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let code = "class Page:\n    def _repr_html_(self): return '<b>hi</b>'\n    def __repr__(self): return 'page'\ndisplay(Page())\n{'a': [1, 2]}";
        let result = sandbox.execute_code(code).await?;
        let [shown, value] = &result.outputs[..] else { panic!("{:?}", result.outputs) };
        assert_eq!((shown.html(), shown.text(), shown.is_main), (Some("<b>hi</b>"), Some("page"), false));
        assert_eq!(value.json(), Some(&serde_json::json!({ "a": [1, 2] })));
        assert!(value.is_main);
    }

    async fn await_works_at_the_top() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let result = sandbox.execute_code("import asyncio\nawait asyncio.sleep(0.01)\n'done'").await?;
        assert_eq!(result.text(), Some("done"));
    }

    async fn asking_for_input_is_an_error_and_not_a_hang() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let result = sandbox.execute_code("input('name? ')").await?;
        assert_eq!(result.error.unwrap().name, "EOFError");
    }

    async fn text_of_all_kinds_arrives_as_it_was() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let result = sandbox.execute_code("print('h€llo 😀 \\x00 \\x1b[1m')\n'naïve'").await?;
        assert_eq!(result.stdout(), "h€llo 😀 \0 \u{1b}[1m\n");
        assert_eq!(result.text(), Some("naïve"));
        let result = sandbox.execute_code("import os\nos.write(1, b'a\\xffb\\xe2\\x82')\nNone").await?;
        assert_eq!(result.stdout(), "a\u{fffd}b\u{fffd}");
    }

    async fn variables_of_an_execution_last_as_long_as_it_does() {
        let spec = code_interpreter::CreateSandbox::new("python3").env("WHOLE", "sandbox's \"own\"\n");
        let sandbox = local_client().sandboxes().create(spec).await?;
        let show = "import os\nos.environ.get('WHOLE'), os.environ.get('ONCE')";
        let during = sandbox.execute_code(Execute::new(show).env("ONCE", "o'n\"ce\n").env("WHOLE", "hidden")).await?;
        assert_eq!(during.text(), Some(r#"('hidden', 'o\'n"ce\n')"#));
        let after = sandbox.execute_code(show).await?;
        assert_eq!(after.text(), Some(r#"('sandbox\'s "own"\n', None)"#));
    }

    async fn secrets_of_the_program_are_not_in_the_environment() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let result = sandbox.execute_code("import os\nsorted(os.environ)").await?;
        let names = result.outputs[0].json().unwrap().to_string();
        assert!(!names.contains("CARGO"), "{names}");
    }
}
