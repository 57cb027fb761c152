//! Both files into [`Orders`].

use std::path::Path;

use super::amount::parse_minor;
use super::lines::{Fields, read_columns};
use super::{Item, LineFault, Order, Orders, Payment, PaymentType};
use crate::error::Error;

const ITEM_COLUMNS: [&str; 5] = ["order_id", "order_item_id", "seller_id", "price", "freight_value"];
const PAYMENT_COLUMNS: [&str; 4] = ["order_id", "payment_sequential", "payment_type", "payment_value"];
/// Longest order or seller id; longer text is not an id.
const MAX_ID_LENGTH: usize = 64;

/// Reads the items and the payments of all orders.
///
/// Fails when a file cannot be read to its end or lacks a column; a line that cannot be read is a fault of the result.
pub fn read(items: &Path, payments: &Path) -> Result<Orders, Error> {
    let mut orders = Orders::default();
    read_columns(items, ITEM_COLUMNS, |line, fields| {
        take(&mut orders, items, line, fields, add_item);
    })?;
    read_columns(payments, PAYMENT_COLUMNS, |line, fields| {
        take(&mut orders, payments, line, fields, add_payment);
    })?;
    for order in orders.by_id.values_mut() {
        order.items.sort_by_key(|item| item.number);
        order.payments.sort_by_key(|payment| payment.sequential);
    }
    Ok(orders)
}

/// Adds a line to its order, or its fault to the faults and, where the order is known, to the order.
fn take(
    orders: &mut Orders,
    file: &Path,
    line: u64,
    fields: Fields,
    add: impl FnOnce(&mut Order, &[String]) -> Result<(), String>,
) {
    let (id, outcome) = match fields {
        Ok(fields) => {
            let id = fields.first().filter(|id| is_id(id)).cloned();
            let outcome = match &id {
                Some(id) => add(orders.by_id.entry(id.clone()).or_default(), &fields),
                None => Err("order_id is not an id".to_owned()),
            };
            (id, outcome)
        }
        Err((reason, first)) => (first.filter(|id| is_id(id)), Err(reason)),
    };
    if let Err(reason) = outcome {
        let fault = LineFault { file: file.to_owned(), line, reason, order: id };
        if let Some(id) = &fault.order {
            orders.by_id.entry(id.clone()).or_default().faults.push(fault.to_string());
        }
        orders.faults.push(fault);
    }
}

fn add_item(order: &mut Order, fields: &[String]) -> Result<(), String> {
    let [_, number, seller, price, freight] = fields else { return Err("wrong number of fields".to_owned()) };
    let item = Item {
        number: count(number, "order_item_id")?,
        seller: Some(seller).filter(|id| is_id(id)).ok_or("seller_id is not an id")?.clone(),
        price_minor: money(price, "price")?,
        freight_minor: money(freight, "freight_value")?,
    };
    if order.items.iter().any(|other| other.number == item.number) {
        return Err(format!("order_item_id {number} is there twice"));
    }
    order.items.push(item);
    Ok(())
}

fn add_payment(order: &mut Order, fields: &[String]) -> Result<(), String> {
    let [_, sequential, payment_type, value] = fields else { return Err("wrong number of fields".to_owned()) };
    let payment = Payment {
        sequential: count(sequential, "payment_sequential")?,
        payment_type: PaymentType::parse(payment_type),
        amount_minor: money(value, "payment_value")?,
    };
    if order.payments.iter().any(|other| other.sequential == payment.sequential) {
        return Err(format!("payment_sequential {sequential} is there twice"));
    }
    order.payments.push(payment);
    Ok(())
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_ID_LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn count(text: &str, column: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("{column} {text:?} is not a number"))
}

fn money(text: &str, column: &str) -> Result<i64, String> {
    parse_minor(text).map_err(|reason| format!("{column} {text:?}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(items: &str, payments: &str) -> Orders {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        read(&path("items.csv", items), &path("payments.csv", payments)).unwrap()
    }

    #[test]
    fn lines_become_orders_in_the_order_of_their_numbers() {
        let orders = read_text(
            "order_id,order_item_id,seller_id,price,freight_value\na,2,s2,3.00,0.50\na,1,s1,1.00,0.25\n",
            "order_id,payment_sequential,payment_type,payment_installments,payment_value\na,2,voucher,1,1.75\na,1,credit_card,3,3.00\n",
        );
        let order = &orders.by_id["a"];
        assert_eq!(order.items.iter().map(|item| item.number).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(order.payments.iter().map(|payment| payment.amount_minor).collect::<Vec<_>>(), [300, 175]);
        assert_eq!((orders.payment_sum(), orders.item_sum()), (475, 475));
        assert!(orders.faults.is_empty());
    }

    #[test]
    fn bad_lines_are_told_with_their_place_and_spoil_their_order() {
        let orders = read_text(
            "order_id,order_item_id,seller_id,price,freight_value\na,1,s1,1.001,0\nb,1,s1,1,0\nb,1,s1,1,0\n,1,s1,1,0\n",
            "order_id,payment_sequential,payment_type,payment_value\na,x,voucher,1.00\n",
        );
        let told: Vec<String> = orders.faults.iter().map(|fault| format!("{}: {}", fault.line, fault.reason)).collect();
        assert_eq!(
            told,
            [
                "2: price \"1.001\": more decimals than the currency has",
                "4: order_item_id 1 is there twice",
                "5: order_id is not an id",
                "2: payment_sequential \"x\" is not a number",
            ]
        );
        assert_eq!(orders.by_id["a"].faults.len(), 2);
        assert_eq!(orders.by_id["b"].items.len(), 1);
        assert!(orders.faults[0].to_string().contains("items.csv:2: "));
    }
}
