// Compiled, never run: an ES module sees the same types as CommonJS.
import { AxisError, Engine, type SyncReport } from "axis-engine";

const engine: Engine = await Engine.open("store.duckdb");
const report: SyncReport = await engine.dataset("monitoring").sync();
// @ts-expect-error a number of rows is no text
const rows: string = report.rowsRead;
const same: typeof AxisError = (await import("axis-engine")).AxisError;
export { rows, same };
