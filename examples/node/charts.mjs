// Syncs monitoring data and prints what a dashboard draws: figures, a line by day, bars by group.
//
// Usage: DATABASE_URL=postgresql://… node charts.mjs [store]     (the source has tables `traces` and `metrics`)
import { Engine } from "axis-engine";

const engine = await Engine.open(process.argv[2] ?? "monitoring.duckdb", {
  config: {
    monitoring_db: {
      enabled: true,
      url: process.env.DATABASE_URL,
      dataset_query: "select * from traces",
      results_query: "select * from metrics",
    },
  },
});
await engine.dataset("monitoring").sync();

const { monitoring } = engine.analytics;
const [{ kpis }, trends, breakdown] = await Promise.all([
  monitoring.summary(),
  monitoring.trends({ granularity: "daily" }),
  monitoring.breakdown({ threshold: 0.5, groupBy: "environment" }),
]);
console.log(`${kpis.totalRecords} scores, ${kpis.passRate} % pass, mean ${kpis.avgScore.toFixed(3)}`);
for (const metric of trends.metrics) {
  const line = trends.data.filter((point) => point.metric === metric);
  console.log(metric, line.map(({ timestamp, avg }) => `${timestamp.slice(0, 10)} ${avg.toFixed(2)}`).join(", "));
}
for (const { name, byGroup } of breakdown.metrics) {
  console.log(name, Object.entries(byGroup ?? {}).map(([group, { passRate }]) => `${group} ${passRate} %`).join(", "));
}

await engine.close();
