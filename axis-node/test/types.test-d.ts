// Compiled, never run: the types that people see. Lines after `@ts-expect-error` must be wrong.
import {
  AxisError,
  type AxisErrorCode,
  type BackupReport,
  type BackupStatus,
  compact,
  type CompactReport,
  type DatasetStatus,
  Engine,
  type Outcome,
  type Query,
  restore,
  type RestoreReport,
  type Row,
  type Summary,
  type SyncReport,
  type VerifyReport,
} from "axis-engine";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Equal<A, B>): void => undefined;

export async function types(signal: AbortSignal): Promise<void> {
  await using engine = await Engine.open("store.duckdb", { config: "custom", env: { A: "b" }, scheduler: true });
  const second: Engine = await Engine.open({ store: "x", config: { monitoring_db: { enabled: true } } });
  const third: Engine = await Engine.open();
  // @ts-expect-error unknown option
  await Engine.open("x", { configDir: "custom" });
  // @ts-expect-error the path is a text
  await Engine.open(5);
  // @ts-expect-error an engine is opened, not made
  new Engine();

  const dataset = engine.dataset("monitoring");
  const report = await dataset.sync({ mode: "auto", timeoutMs: 30_000, signal, onProgress: (event) => event.event });
  same<typeof report, SyncReport>(true);
  const because: string = report.strategy.type === "full" ? report.strategy.because : "";
  // @ts-expect-error an incremental sync has no reason
  report.strategy.because;
  // @ts-expect-error no mode of that name
  await dataset.sync({ mode: "fast" });
  await dataset.sync({
    onProgress: (event) => {
      if (event.event === "progress") return event.rows + event.bytes;
      if (event.event === "committed") return event.report.rowsRead;
      // @ts-expect-error only progress has rows
      return event.rows;
    },
  });

  const all = await engine.sync({ mode: "full" });
  same<typeof all, Record<string, Outcome<SyncReport>>>(true);
  for (const outcome of Object.values(all)) {
    const told: number | AxisErrorCode = outcome.error ? outcome.error.code : outcome.ok.rowsRead;
    void told;
  }
  same<Awaited<ReturnType<typeof engine.verify>>, Record<string, Outcome<VerifyReport>>>(true);

  const backup = await engine.backup("b.axis", { format: "parquet", signal, onProgress: ({ stage, done, total }) => [stage, done / total] });
  same<typeof backup, BackupReport>(true);
  same<ReturnType<typeof engine.backupStatus>, BackupStatus | null>(true);
  const generation: number | undefined = backup.manifest.datasets["orders"]?.generation;
  // @ts-expect-error no such format
  await engine.backup("b.axis", { format: "zip" });
  const restored = restore("b.axis", { store: "x", config: "custom", env: { A: "b" }, force: true, signal, onProgress: null });
  same<Awaited<typeof restored>, RestoreReport>(true);
  // @ts-expect-error that is for opening
  await restore("b.axis", { scheduler: true });
  same<Awaited<ReturnType<typeof compact>>, CompactReport>(true);
  // @ts-expect-error nothing is replaced
  await compact({ store: "x", force: true });

  const status: DatasetStatus = dataset.status();
  const state: "not_synced" | "syncing" | "ready" | "error" = status.state;
  const watermark = dataset.watermarks()[0];
  if (watermark?.value.type === "integer") same<typeof watermark.value.value, number | bigint>(true);

  const query = engine.query<{ n: number | bigint }>("select 1 as n where ? > $1", ["a", 1, 2n, true, null, new Date()], { signal });
  same<typeof query, Query<{ n: number | bigint }>>(true);
  same<Awaited<ReturnType<typeof query.rows>>, { n: number | bigint }[]>(true);
  const untyped = await engine.query("select 1", { name: "value" }).result();
  same<typeof untyped.rows, Row[]>(true);
  for await (const ipc of query.batches()) same<typeof ipc, Uint8Array>(true);
  for await (const { n } of query) same<typeof n, number | bigint>(true);
  const table = await query.arrow();
  const rowsOfTable: number = table.numRows;
  const again: AxisError = AxisError.from(new AxisError().toJSON());
  await dataset.sync({ signal: null, onProgress: null });
  await engine.ask("kpi.filters", null, null);
  for await (const event of engine.events({ after: "1-2", signal })) {
    const named: [string, string] = [event.id, event.at];
    if (event.event === "verified") same<typeof event.equal, boolean | null>(true);
    if (event.event === "lost" || event.event === "readiness") continue;
    void [named, event.event === "committed" ? event.report.dataset : event.dataset];
  }
  // @ts-expect-error no such option
  engine.events({ before: "1-2" });
  // @ts-expect-error no such parameter
  engine.query("select ?", [{}]);

  const summary = await engine.analytics.monitoring.summary({ environment: "prod", timeStart: new Date() }, { signal });
  same<typeof summary, Summary>(true);
  const score: number = summary.kpis.avgScore;
  // @ts-expect-error needs a metric and a group
  await engine.analytics.monitoring.classes({});
  // @ts-expect-error no such granularity
  await engine.analytics.monitoring.trends({ granularity: "yearly" });
  const points = (await engine.analytics.kpi.trends()).data.map(({ avg_7d }) => avg_7d);

  try {
    await engine.close();
  } catch (error) {
    if (error instanceof AxisError && error.code === "AXIS_BUSY") {
      const { retryable, operation, context, cause } = error;
      void [retryable, operation, context["dataset"], cause];
    }
    // @ts-expect-error no such code
    if (error instanceof AxisError && error.code === "AXIS_BUZY") throw error;
  }
  void [second, third, generation, rowsOfTable, again, because, state, score, points];
}
