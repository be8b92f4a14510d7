//! Reads the answer of a SELECT as Arrow batches while it is made: `cargo run --bin arrow -- custom 'select 1'`

use axis_core::arrow::util::pretty::pretty_format_batches;
use axis_core::{Engine, Env, Error, ErrorKind, Query, config::Config};

#[tokio::main]
async fn main() -> axis_core::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().unwrap_or_else(|| "custom".to_owned());
    let sql = arguments
        .next()
        .unwrap_or_else(|| "select 'nothing was asked' as answer".to_owned());
    let config = Config::load(directory, &Env::new(std::env::vars()))?;
    let engine = Engine::builder(config).open().await?;
    let mut stream = engine.query(Query::sql(sql).max_rows(10_000)).await?;
    let mut rows = 0;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        rows += batch.num_rows();
        let table = pretty_format_batches(&[batch]);
        let unprinted = |error| Error::new(ErrorKind::Internal, "the rows cannot be printed").because(error);
        println!("{}", table.map_err(unprinted)?);
    }
    println!("{rows} rows, truncated: {}", stream.truncated());
    engine.close().await
}
