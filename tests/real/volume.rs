//! Much of everything, through the embedded engine.

use code_interpreter::Execute;

use super::local_client;

behaviours! {
    async fn ten_megabytes_of_code_run() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let code = format!("x = '{}'\nlen(x)", "a".repeat(10 << 20));
        let result = sandbox.execute_code(code).await?;
        assert_eq!(result.text(), Some("10485760"));
    }

    async fn a_hundred_megabytes_of_prints_are_kept_to_the_limit() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let code = "for i in range(1000): print('x' * 99_999 + str(i % 10))\n'the value'";
        let result = sandbox.execute_code(code).await?;
        assert_eq!((result.stdout().len(), result.truncated), (64 << 20, true));
        assert_eq!(result.text(), Some("the value"));
        let all = sandbox.execute_code(Execute::new(code).max_output(200 << 20)).await?;
        assert_eq!((all.stdout().len(), all.truncated), (1000 * 100_001, false));
    }

    async fn a_hundred_thousand_lines_arrive_in_order() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let result = sandbox.execute_code("for i in range(100_000): print(i)").await?;
        assert!(result.stdout().lines().enumerate().all(|(number, line)| line == number.to_string()));
        assert_eq!(result.stdout().lines().count(), 100_000);
    }

    async fn a_result_of_20_megabytes_arrives_whole() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let result = sandbox.execute_code("'y' * (20 << 20)").await?;
        assert_eq!(result.text().map(str::len), Some(20 << 20));
    }

    async fn every_form_of_a_result_of_20_megabytes_arrives_whole() {
        let sandbox = local_client().sandboxes().create("python3").await?;
        let code = "class Page:\n    def _repr_html_(self): return 'h' * (20 << 20)\ndisplay(Page())\n['j' * (20 << 20)]";
        let result = sandbox.execute_code(Execute::new(code).max_output(100 << 20)).await?;
        assert!(result.is_ok() && !result.truncated, "{:?}", result.error);
        assert_eq!(result.outputs[0].html().map(str::len), Some(20 << 20));
        assert_eq!(result.text().map(str::len), Some((20 << 20) + 4));
        assert_eq!(result.outputs[1].json().unwrap()[0].as_str().map(str::len), Some(20 << 20));
    }
}
