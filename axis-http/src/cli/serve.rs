//! `axis serve`.

use axis_core::{Error, ErrorKind};
use axis_http::ServeOptions;
use serde_json::json;
use tokio::net::TcpListener;

use super::args::ServeArgs;
use super::{Context, Exit, Failure};

pub(crate) async fn run(context: &Context, args: &ServeArgs) -> Result<Exit, Failure> {
    let mut config = context.config()?;
    if let Some(host) = &args.host {
        config.server.host.clone_from(host);
    }
    let listener = listen(&config.server.host, args.port.unwrap_or(config.server.port)).await?;
    let options = ServeOptions::default().insecure(args.insecure);
    let address = listener.local_addr()?;
    // Before the store is opened, so that a refusal changes nothing.
    options.check(config.server.authenticates(), address)?;
    if args.insecure && !config.server.authenticates() {
        context.output.note(&format!(
            "warning: INSECURE: whoever reaches {address} can read the store, start syncs and use the wizard"
        ));
    }
    let engine = context.open(config).await?;
    announce(context, &listener)?;
    Box::pin(axis_http::serve_with(engine, listener, context.stop.clone(), options)).await?;
    Ok(Exit::Done)
}

/// Binds before anything else is opened, so that a port in use changes nothing.
pub(crate) async fn listen(host: &str, port: u16) -> Result<TcpListener, Error> {
    TcpListener::bind((host, port)).await.map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::AddrInUse => "the port is in use; choose another with --port".to_owned(),
            std::io::ErrorKind::PermissionDenied => {
                "the port is not allowed; choose one above 1023 with --port".to_owned()
            }
            kind => format!("{kind}; check --host and --port"),
        };
        Error::new(
            ErrorKind::InvalidArgument,
            format!("cannot listen on {host}:{port}: {why}"),
        )
        .because(error)
    })
}

/// Says where the server listens.
pub(crate) fn announce(context: &Context, listener: &TcpListener) -> Result<String, Failure> {
    let url = format!("http://{}", listener.local_addr()?);
    let dashboard = axis_http::has_dashboard().then(|| format!("{url}/ui/"));
    if context.output.is_json() {
        context
            .output
            .json(&json!({ "listening": url, "dashboard": dashboard }))?;
    } else {
        context.output.note(&format!("listening on {url}"));
        if let Some(dashboard) = dashboard {
            context.output.note(&format!("the dashboard is {dashboard}"));
        }
    }
    Ok(url)
}
