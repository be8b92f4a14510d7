/** AXIS: a local DuckDB file that stays exactly equal to what SQL returns from PostgreSQL, and answers questions from it. */

export type { Analytics, EvalAnalytics, KpiAnalytics, MonitoringAnalytics, SignalsAnalytics } from "./analytics";
export type { ArrowTable } from "./arrow";
export { compact, restore } from "./backup";
export type * from "./backup";
export type { Dataset, PageRequest, SyncOptions, VerifyOptions } from "./dataset";
export { Engine, type EventOptions, type OpenOptions, type Outcome } from "./engine";
export { AxisError, type AxisErrorCode, type AxisErrorJson } from "./errors";
export type { CallOptions, OnProgress } from "./gate";
export type { Column, Parameter, Parameters, Query, QueryOptions, QueryResult } from "./query";
export type * from "./evaluations";
export type * from "./kpi";
export type * from "./monitoring";
export type * from "./reports";
export type * from "./requests";
export type * from "./signals";
