exports.createSocket = () => { throw new Error('no Unix sockets here'); };
