//! A stretch of network between engine and server that can be cut or fall silent.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf};
use tokio::sync::watch;
use tokio::task::JoinHandle;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Weather {
    Fair,
    /// Bytes are taken and go nowhere.
    Silent,
    /// Connections end.
    Cut,
}

/// Forwards connections to a port of this machine.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    weather: Arc<watch::Sender<Weather>>,
    listening: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let weather = Arc::new(watch::Sender::new(Weather::Fair));
        let forecast = Arc::clone(&weather);
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A connection that begins while it is silent waits with the others.
                let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(forward(from_client, to_server, forecast.subscribe()));
                tokio::spawn(forward(from_server, to_client, forecast.subscribe()));
            }
        });
        Self {
            port: own,
            weather,
            listening,
        }
    }

    /// Ends every connection; later ones are fine.
    pub(crate) fn cut(&self) {
        self.weather.send_replace(Weather::Cut);
        self.weather.send_replace(Weather::Fair);
    }

    /// Forwards nothing any more and tells nobody.
    pub(crate) fn fall_silent(&self) {
        self.weather.send_replace(Weather::Silent);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut weather: watch::Receiver<Weather>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        // Only `changed` takes note of a change: one that came during the write below must not get lost.
        let now = *weather.borrow();
        let read = tokio::select! {
            biased;
            // `cut` is over at once: any change but silence ends the connections that there are.
            changed = weather.changed() => {
                if changed.is_err() || *weather.borrow() != Weather::Silent {
                    return;
                }
                continue;
            }
            read = from.read(&mut buffer), if now == Weather::Fair => read,
        };
        let Ok(count @ 1..) = read else { return };
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
