//! Ending code that does not end by itself.

use std::{thread, time::Instant};

use code_interpreter::{Cancel, Clock, Execute};

use super::{local_client, ms};

/// A handle that is used after a while.
fn cancel_after(time: std::time::Duration) -> Cancel {
    let cancel = Cancel::new();
    let handle = cancel.clone();
    thread::spawn(move || {
        thread::sleep(time);
        handle.cancel();
    });
    cancel
}

behaviours! {
    async fn a_cancelled_execution_is_interrupted_and_leaves_the_state() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        sandbox.execute_code("x = 1").await?;
        for code in ["while True: pass", "import time; time.sleep(100)", "import subprocess; subprocess.run(['sleep', '100'])"] {
            let start = Instant::now();
            let cancel = cancel_after(ms(300));
            let error = sandbox.execute_code(Execute::new(code).cancel(&cancel)).await.unwrap_err();
            assert!(error.is_cancelled(), "{error}");
            let after = sandbox.execute_code("x").await?;
            assert_eq!(after.text(), Some("1"), "{code}");
            assert!(start.elapsed() < ms(8000), "{code}: {:?}", start.elapsed());
        }
    }

    async fn an_execution_that_takes_too_long_is_interrupted() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        sandbox.execute_code("x = 1").await?;
        let start = Instant::now();
        let request = Execute::new("print('so far')\nwhile True: pass").timeout(ms(1500));
        let error = sandbox.execute_code(request).await.unwrap_err();
        assert!(start.elapsed() >= ms(1500) && start.elapsed() < ms(6000), "{:?}", start.elapsed());
        assert_eq!(error.clock(), Some((Clock::Execution, ms(1500))));
        assert_eq!(error.partial().unwrap().stdout(), "so far\n");
        let after = sandbox.execute_code("x").await?;
        assert_eq!(after.text(), Some("1"));
    }

    async fn code_that_no_interrupt_reaches_loses_its_kernel() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        sandbox.execute_code("x = 1").await?;
        let error = sandbox.execute_code(Execute::new("sum(range(10**12))").timeout(ms(300))).await.unwrap_err();
        assert!(error.is_timeout());
        let after = sandbox.execute_code("'x' in globals()").await?;
        assert_eq!(after.text(), Some("False"));
    }

    async fn two_executions_in_one_sandbox_wait_for_each_other() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        sandbox.execute_code("order = []").await?;
        let append = "import time\ntime.sleep(0.3)\norder.append(len(order))\norder";
        let same = sandbox.clone();
        let first = meanwhile!(run(sandbox, append));
        let second = meanwhile!(run(same, append));
        let (first, second) = (crate::finish(first).await?, crate::finish(second).await?);
        let mut texts = [first.text().unwrap(), second.text().unwrap()];
        texts.sort_unstable();
        assert_eq!(texts, ["[0, 1]", "[0]"]);
    }
}

#[crate::maybe_async]
async fn run(
    sandbox: crate::Sandbox,
    code: &'static str,
) -> Result<code_interpreter::ExecutionResult, code_interpreter::Error> {
    sandbox.execute_code(code).await
}
