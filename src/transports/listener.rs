//! Where clients come in: a TCP port or a Unix socket, opened here or by the service manager.

use super::socket::{Peer, Wire};
use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use tokio::net::{TcpListener, UnixListener};

/// It is listened to from its making on. To be made and used inside a runtime.
pub enum Listener {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        /// Ours, to be removed at the end.
        file: Option<SocketFile>,
    },
}

impl Listener {
    pub async fn bind(address: SocketAddr) -> io::Result<Listener> {
        Ok(Listener::Tcp(TcpListener::bind(address).await?))
    }

    /// A socket file that nobody listens to any more is replaced.
    pub fn at(path: &Path) -> io::Result<Listener> {
        let is_socket = fs::symlink_metadata(path).is_ok_and(|data| data.file_type().is_socket());
        let refused = || {
            StdUnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        };
        if is_socket && refused() {
            fs::remove_file(path)?;
        }
        Ok(Listener::Unix { listener: UnixListener::bind(path)?, file: Some(SocketFile(path.to_owned())) })
    }

    /// A listening socket of either kind.
    pub fn given(socket: OwnedFd) -> io::Result<Listener> {
        let tcp = std::net::TcpListener::from(socket);
        tcp.set_nonblocking(true)?;
        if tcp.local_addr().is_ok() {
            return Ok(Listener::Tcp(TcpListener::from_std(tcp)?));
        }
        let unix = std::os::unix::net::UnixListener::from(OwnedFd::from(tcp));
        unix.local_addr()?;
        Ok(Listener::Unix { listener: UnixListener::from_std(unix)?, file: None })
    }

    pub(super) async fn accept(&self) -> io::Result<(Wire, Peer)> {
        match self {
            Listener::Tcp(listener) => {
                let (socket, address) = listener.accept().await?;
                Ok((Wire::Tcp(socket), Peer::Net(address)))
            }
            Listener::Unix { listener, .. } => Ok((Wire::Unix(listener.accept().await?.0), Peer::Local)),
        }
    }

    /// For whoever lives as long as it should be there; of what the service manager opened there is none.
    pub(super) fn take_file(&mut self) -> Option<SocketFile> {
        match self {
            Listener::Tcp(_) => None,
            Listener::Unix { file, .. } => file.take(),
        }
    }

    pub fn place(&self) -> Place {
        match self {
            Listener::Tcp(listener) => listener.local_addr().map_or(Place::Unknown, Place::Port),
            Listener::Unix { listener, .. } => {
                let path = listener.local_addr().ok().and_then(|at| at.as_pathname().map(Path::to_owned));
                path.map_or(Place::Unknown, Place::Path)
            }
        }
    }
}

/// Removed when this is dropped.
pub struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Port(SocketAddr),
    Path(PathBuf),
    Unknown,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Port(address) => write!(f, "{address}"),
            Place::Path(path) => write!(f, "{}", path.display()),
            Place::Unknown => f.write_str("a socket without a name"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_of_sockets() {
        let path = std::env::temp_dir().join(format!("janus-rs-listener-{}", std::process::id()));
        let _ = fs::remove_file(&path);
        let first = Listener::at(&path).unwrap();
        assert_eq!(first.place(), Place::Path(path.clone()));
        // Somebody listens there.
        assert_eq!(Listener::at(&path).err().map(|e| e.kind()), Some(io::ErrorKind::AddrInUse));
        let client = tokio::net::UnixStream::connect(&path).await.unwrap();
        assert!(matches!(first.accept().await.unwrap(), (Wire::Unix(_), Peer::Local)));
        drop((client, first));
        assert!(!path.exists());
        // Left behind by one that was killed.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        drop(Listener::at(&path).unwrap());
        // No socket: it is somebody's.
        fs::write(&path, "text").unwrap();
        assert!(Listener::at(&path).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "text");
        fs::remove_file(&path).unwrap();
    }

    #[tokio::test]
    async fn what_the_service_manager_opened() {
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        assert_eq!(Listener::given(tcp.into()).unwrap().place(), Place::Port(address));
        let path = std::env::temp_dir().join(format!("janus-rs-given-{}", std::process::id()));
        let _ = fs::remove_file(&path);
        let unix = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let given = Listener::given(unix.into()).unwrap();
        assert_eq!(given.place(), Place::Path(path.clone()));
        drop(given);
        // It is the manager's.
        assert!(path.exists());
        fs::remove_file(&path).unwrap();
    }
}
