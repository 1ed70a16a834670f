//! Events as they come.

use std::time::Instant;

use code_interpreter::{ErrorKind, Event, Execute};

use super::{local_client, ms};

behaviours! {
    async fn events_come_when_they_happen_and_in_order() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        sandbox.execute_code("").await?;
        let code = "import time\nprint('one')\ndisplay('shown')\nprint('two')\ntime.sleep(3)\nprint('three')\n'value'";
        let mut execution = sandbox.execute_stream(code).await?;
        let (start, mut seen, mut early) = (Instant::now(), Vec::new(), 0);
        while let Some(event) = execution.next().await {
            let name = match event? {
                Event::Started(_) => "started".to_owned(),
                Event::Stdout(chunk) => chunk.text,
                Event::Output(output) => format!("{output} {}", output.is_main),
                Event::End => "end".to_owned(),
                other => panic!("{other:?}"),
            };
            seen.push(name);
            if start.elapsed() < ms(2500) {
                early = seen.len();
            }
        }
        assert_eq!(seen, ["started", "one\n", "shown false", "two\n", "three\n", "value true", "end"]);
        assert_eq!(early, 4);
        let after = execution.next().await;
        assert!(after.is_none());
    }

    async fn text_without_a_line_end_is_not_held_back() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let code = "import sys, time\nprint('line')\nprint('half', end='')\nsys.stderr.write('err')\ntime.sleep(60)";
        let start = Instant::now();
        let mut execution = sandbox.execute_stream(Execute::new(code).timeout(ms(8000))).await?;
        let mut seen = String::new();
        while !(seen.contains("half") && seen.contains("err")) {
            match execution.next().await.unwrap()? {
                Event::Stdout(chunk) | Event::Stderr(chunk) => seen.push_str(&chunk.text),
                _ => {}
            }
        }
        assert!(start.elapsed() < ms(5000));
    }

    async fn what_is_left_of_a_stream_becomes_a_result() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let mut execution = sandbox.execute_stream(Execute::new("print('x' * 100)\n5").max_output(10)).await?;
        let first = execution.next().await.unwrap()?;
        assert_eq!(first, Event::Started(1));
        let result = execution.into_result().await?;
        assert_eq!((result.stdout(), result.text(), result.truncated), ("xxxxxxxxxx", Some("5"), true));
    }

    async fn dropping_a_stream_interrupts_the_code() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let mut execution = sandbox.execute_stream("x = 1\nprint('runs')\nwhile True: pass").await?;
        loop {
            let event = execution.next().await.unwrap()?;
            if matches!(event, Event::Stdout(_)) {
                break;
            }
        }
        drop(execution);
        let start = Instant::now();
        let after = sandbox.execute_code("x").await?;
        assert_eq!(after.text(), Some("1"));
        assert!(start.elapsed() < ms(5000));
    }

    async fn a_stream_that_is_not_read_holds_the_code_up() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let code = "import os\nfor i in range(300):\n    print('x' * 99_999)\n    open(os.environ['HOME'] + '/progress', 'w').write(str(i))";
        let execution = sandbox.execute_stream(code).await?;
        crate::sleep(ms(1500)).await;
        let other = sandbox.contexts().create("python").await?;
        let show = "import os\nint(open(os.environ['HOME'] + '/progress').read() or 0)";
        let progress = sandbox.execute_code(Execute::new(show).context(&other.id)).await?;
        let printed: u32 = progress.text().unwrap().parse()?;
        assert!(printed < 200, "{printed} of 300 were printed though nobody reads");
        let result = execution.into_result().await?;
        assert_eq!(result.stdout().len(), 300 * 100_000);
    }

    async fn a_stream_that_fails_gives_one_error_and_ends() {
        let client = local_client();
        let sandbox = client.sandboxes().create("python3").await?;
        let mut execution = sandbox.execute_stream("print('runs')\nimport time; time.sleep(60)").await?;
        loop {
            let event = execution.next().await.unwrap()?;
            if matches!(event, Event::Stdout(_)) {
                break;
            }
        }
        sandbox.kill().await?;
        let error = execution.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SandboxGone, "{error}");
        assert!(error.to_string().contains("was killed"), "{error}");
        let after = execution.next().await;
        assert!(after.is_none());
    }
}
