import { EventEmitter } from 'node:events';
import { decode, encode } from '@msgpack/msgpack';

// A parser as users bring them: binary frames, and nothing of socket.io-parser.
// See https://socket.io/docs/v4/custom-parser/

class Encoder {
  encode(packet) {
    const { type, nsp, data, id } = packet;
    return [Buffer.from(encode({ type, nsp, data, id }, { ignoreUndefined: true }))];
  }
}

class Decoder extends EventEmitter {
  add(frame) {
    this.emit('decoded', decode(frame));
  }

  destroy() {}
}

export default { protocol: 5, Encoder, Decoder };
