/** Tables of `apache-arrow` over the memory that the addon has filled. */

import type * as Arrow from "apache-arrow";
import type { NativeBatch, NativeTable } from "../native";
import { made } from "./errors";


/**
 * A table of `apache-arrow`; `any` where that is not installed.
 * @ts-ignore */
export type ArrowTable = import("apache-arrow").Table;

/** Loads the library, which only whoever wants tables needs. @internal */
export async function library(): Promise<typeof Arrow> {
  try {
    return await import("apache-arrow");
  } catch (cause) {
    throw made("AXIS_CONFIG", 100, "`apache-arrow` cannot be loaded; tables need it beside `axis-engine`", { cause });
  }
}

/** Makes a table of a whole answer, part by part while the rest is on its way. @internal */
export async function table(arrow: typeof Arrow, native: NativeTable): Promise<ArrowTable> {
  const read = arrow.tableFromIPC(native.ipc());
  const type = new arrow.Struct(read.schema.fields);
  const parts = [];
  for (let part = await native.next(); part != null; part = await native.next()) {
    const next = reader(arrow, part.lengths, part.buffers);
    const children = read.schema.fields.map((field) => next(field.type));
    parts.push(new arrow.RecordBatch(read.schema, arrow.makeData({ type, length: part.rows, nullCount: 0, children })));
  }
  return parts.length === 0 ? read : new arrow.Table(read.schema, parts);
}

/** Returns what takes one array after the other, each with its children. */
function reader(
  arrow: typeof Arrow,
  lengths: NativeBatch["lengths"],
  buffers: NativeBatch["buffers"],
): (type: Arrow.DataType) => Arrow.Data {
  const makeData = arrow.makeData as (props: object) => Arrow.Data;
  let index = 0;
  return function next(type): Arrow.Data {
    const [length, nullCount] = lengths.slice(2 * index);
    const [nullBitmap, valueOffsets, data] = buffers.slice(3 * index, 3 * index + 3);
    index += 1;
    // An array takes what its type has; views are made of the type that it wants, over the same memory.
    const own = { type, length, nullCount, nullBitmap: nullBitmap ?? undefined, valueOffsets, data };
    if (arrow.DataType.isDictionary(type)) {
      return makeData({ ...own, dictionary: new arrow.Vector([next(type.dictionary)]) });
    }
    const children = (type.children ?? []).map((field: Arrow.Field) => next(field.type));
    return makeData({ ...own, children, child: children[0] });
  };
}
