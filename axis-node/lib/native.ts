/** Loads the addon that was built for this machine. */

type Native = typeof import("../native");

function load(): Native {
  const target = `${process.platform}-${process.arch}`;
  try {
    return require(`../native/${target}/axis.node`) as Native;
  } catch (cause) {
    throw new Error(`axis-engine has no addon for ${target}, or it cannot be loaded there`, { cause });
  }
}

export const native: Native = load();

if (process.env.AXIS_LOG) {
  try {
    native.log(process.env.AXIS_LOG);
  } catch (error) {
    process.emitWarning(`AXIS_LOG is not followed: ${(error as Error).message}`);
  }
}
