/** Which of the node processes this is: shown on the page, and told apart in traces and metrics. */
export interface NodeIdentity {
  name: string;
  pid: number;
}

export const NODE: NodeIdentity = {
  name: process.env.NODE_NAME ?? 'node-1',
  pid: process.pid,
};
