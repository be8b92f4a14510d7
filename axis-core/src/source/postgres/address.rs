//! Where a server listens, and the way there.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio_util::either::Either;

/// One of the places at which a host may be reached.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// What bytes go through.
pub(super) type Socket = Either<TcpStream, LocalStream>;
#[cfg(unix)]
type LocalStream = tokio::net::UnixStream;
/// There is none.
#[cfg(not(unix))]
type LocalStream = TcpStream;

impl Address {
    /// Returns the places of a host in the order in which they should be tried; a host that begins with `/` is the
    /// directory of a Unix socket.
    pub(crate) async fn resolve(host: &str, port: u16) -> io::Result<Vec<Self>> {
        if host.starts_with('/') {
            return Ok(vec![Self::Unix(Path::new(host).join(format!(".s.PGSQL.{port}")))]);
        }
        let places: Vec<_> = lookup_host((host, port)).await?.map(Self::Tcp).collect();
        if places.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address"));
        }
        Ok(places)
    }

    /// Connects, without a limit of time.
    pub(super) async fn connect(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(address) => {
                let socket = if address.is_ipv4() {
                    TcpSocket::new_v4()?
                } else {
                    TcpSocket::new_v6()?
                };
                // A server that has vanished during a long query is noticed, after the time that the system has set.
                socket.set_keepalive(true)?;
                socket.set_nodelay(true)?;
                Ok(Either::Left(socket.connect(*address).await?))
            }
            #[cfg(unix)]
            Self::Unix(path) => Ok(Either::Right(LocalStream::connect(path).await?)),
            #[cfg(not(unix))]
            Self::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}
